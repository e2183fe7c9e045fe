"""Workflows with `check`: the judgement of the input refuses it, passes it, or never comes."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from gateway.db import db_now, session_scope
from gateway.models import Job, Workflow
from gateway.operations.sweep import sweep
from gateway.workflows import checks
from gateway.workflows.advance import advance
from gateway.workflows.checks import UNANSWERED, InputCheck, Verdict
from tests.workflows import SMOOTH, SPECTRUM, end_job, end_transfer, show, start, states

ASIDE: dict[str, Any] = {"name": "aside", "services": ["min_max"]}
WORDS = "table.csv: row 3, column 1: found 'word', expected a number"


def _judge(monkeypatch: pytest.MonkeyPatch, verdict: Verdict, words: str = "") -> None:
    monkeypatch.setattr(checks, "_find", lambda *_: InputCheck(verdict, words))


@pytest.fixture
def mine(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """Start a workflow whose input is there and not judged yet."""
    _judge(monkeypatch, Verdict.WAIT)
    found = str(start(api, SMOOTH, ASIDE, SPECTRUM, check=True)["id"])
    end_transfer(found)
    return found


def _tell(mine: str) -> None:
    with session_scope() as session:
        advance(session, [UUID(mine)])


def test_jobs_wait_for_the_judgement(api: TestClient, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _tell(mine)
    assert (show(api, mine)["state"], states(show(api, mine))["smooth"]) == ("running", "waiting")
    _judge(monkeypatch, Verdict.PASSED)
    _tell(mine)
    status = show(api, mine)
    assert states(status)["smooth"] == states(status)["aside"] == "accepted"
    assert status["warnings"] == []
    end_job(mine, "smooth")
    assert states(show(api, mine))["spectrum"] == "accepted"


def test_an_input_that_would_fail_ends_the_workflow_before_a_job_begins(
    api: TestClient, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _judge(monkeypatch, Verdict.REFUSED, WORDS)
    _tell(mine)
    status = show(api, mine)
    assert (status["state"], status["fault"]) == ("failed", "input")
    assert status["reason"] == f"job smooth could not begin: {WORDS}"
    with session_scope(read_only=True) as session:
        assert session.scalars(select(Job.id)).all() == []


def test_a_judgement_that_never_comes_counts_as_passed_after_a_minute(api: TestClient, mine: str) -> None:
    with session_scope() as session:
        sweep(session)
    assert states(show(api, mine))["smooth"] == "waiting"
    with session_scope() as session:
        session.execute(update(Workflow).values(check_until=db_now(-1)))
    with session_scope() as session:
        sweep(session)
    status = show(api, mine)
    assert (states(status)["smooth"], status["warnings"]) == ("accepted", [UNANSWERED])


def test_a_cancel_ends_the_wait(api: TestClient, mine: str) -> None:
    assert api.post(f"/workflow/{mine}/cancel").json()["state"] == "cancelled"


def test_the_sweep_ends_a_wait_whose_cancel_was_lost(api: TestClient, mine: str) -> None:
    with session_scope() as session:
        session.execute(update(Workflow).values(cancel_requested_at=db_now(), check_until=db_now(-1)))
    with session_scope() as session:
        sweep(session)
    assert show(api, mine)["state"] == "cancelled"


def test_a_refused_input_is_judged_again_by_a_retry(
    api: TestClient, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _judge(monkeypatch, Verdict.REFUSED, WORDS)
    _tell(mine)
    _judge(monkeypatch, Verdict.PASSED)
    assert api.post(f"/workflow/{mine}/retry").status_code == 200
    assert states(show(api, mine))["smooth"] == "accepted"
