"""`"check": true`: the row of the judgement refuses the jobs that read the input, or lets them begin."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.models import JudgedTable
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


@pytest.mark.parametrize(("missing", "state"), [("interpolate", "accepted"), (None, "failed")])
def test_a_sweep_is_refused_where_each_of_its_members_would_fail(
    api: TestClient, missing: str | None, state: str
) -> None:
    job = {"name": "smooth", "services": ["savitzky_golay"]}
    members = [{}, {"table": {"missing": missing}}]
    mine = start(api, job, sweep={"job": "smooth", "params": members}, check=True)["id"]
    judge(end_transfer(mine), BAD)
    assert states(show(api, mine))["smooth"] == state
