"""`"check": true`: jobs wait for the judgement of the input, which refuses, passes or does not come."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.models import JudgedTable, Workflow
from gateway.operations.sweep import sweep
from gateway.tables import judgement as judgements
from tests.workflows import end_transfer, show, start, states

PROBLEM = "table.csv: row 3, column 1 ('a'): expected a finite number, found a blank cell"
BAD = {"whole": True, "layout": "sensor_table", "problem": PROBLEM}
GOOD = {"whole": False, "layout": "sensor_table", "problem": None}


def judge(row_id: UUID, understood: dict[str, Any] | None, reason: str = "") -> None:
    with session_scope() as session:
        row = session.get_one(JudgedTable, row_id)
        if understood is None:
            judgements.end_unknown(session, row, reason)
        else:
            judgements.record_known(session, row, understood, None)


def staged(api: TestClient, **smooth: Any) -> tuple[str, UUID]:
    """Start a workflow with a check and end the transfer of its input."""
    first = {"name": "smooth", "services": ["savitzky_golay"], **smooth}
    mine = start(api, first, {"name": "low", "services": ["fft"], "input_from": "smooth"}, check=True)["id"]
    row_id = end_transfer(mine)
    assert (states(show(api, mine))["smooth"], show(api, mine)["state"]) == ("waiting", "running")
    return mine, row_id


@pytest.mark.parametrize(("understood", "warned"), [(GOOD, False), (None, True)])
def test_jobs_begin_with_the_judgement(
    api: TestClient, understood: dict[str, Any] | None, *, warned: bool
) -> None:
    mine, row_id = staged(api)
    judge(row_id, understood, "no interpreter")
    status = show(api, mine)
    assert states(status)["smooth"] == "accepted"
    expected = ["the input was not checked: no interpreter"] if warned else []
    assert status["warnings"] == expected


def test_a_table_that_fails_ends_the_workflow_before_anything_is_submitted(api: TestClient) -> None:
    mine, row_id = staged(api)
    judge(row_id, BAD)
    status = show(api, mine)
    assert (status["state"], states(status)["smooth"]) == ("failed", "failed")
    assert all(step["id"] is None for step in status["steps"] if step["kind"] == "job")
    assert PROBLEM in status["reason"]


def test_an_option_that_decides_leaves_the_judgement_without_a_word(api: TestClient) -> None:
    mine, row_id = staged(api, params={"table": {"missing": "interpolate"}})
    judge(row_id, BAD)
    assert states(show(api, mine))["smooth"] == "accepted"


def test_without_an_answer_the_jobs_begin_after_a_minute_with_a_warning(api: TestClient) -> None:
    mine, _ = staged(api)
    with session_scope() as session:
        session.execute(update(Workflow).values(check_until=db_now(-1)))
        sweep(session)
    status = show(api, mine)
    assert states(status)["smooth"] == "accepted"
    assert "within 60 s" in status["warnings"][0]
