"""Prune and workflows: the steps stay as long as their workflow, and it goes with the last of them."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from gateway.db import session_scope, utc_now
from gateway.models import Event, Job, Transfer, Workflow
from gateway.operations.retention import count_expired, mark_expired
from tests.workflows import SMOOTH, end_job, end_transfer, start, step_id
from workers.tasks.retention import prune_job, prune_transfer


def _ended(api: TestClient) -> str:
    mine = str(start(api, SMOOTH, output=None)["id"])
    end_transfer(mine)
    end_job(mine, "smooth")
    return mine


def _age(model: type[Transfer | Job | Workflow], row_id: UUID, days: float) -> None:
    ended = utc_now() - timedelta(days=days)
    with session_scope() as session:
        session.execute(update(model).where(model.id == row_id).values(ended_at=ended))


def _age_all(mine: str, days: float) -> None:
    _age(Transfer, step_id(mine, "input", is_job=False), days)
    _age(Job, step_id(mine, "smooth"), days)
    _age(Workflow, UUID(mine), days)


def _mark() -> int:
    total, marked = 0, 1
    while marked:
        with session_scope() as session:
            marked = mark_expired(session, _month_ago())
        total += marked
    return total


def _month_ago() -> datetime:
    return utc_now() - timedelta(days=30)


def _count(model: type[Transfer | Job | Workflow | Event]) -> int:
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_old_steps_of_a_young_workflow_stay(api: TestClient) -> None:
    mine = _ended(api)
    _age_all(mine, 40)
    _age(Workflow, UUID(mine), 1)
    with session_scope(read_only=True) as session:
        assert count_expired(session, _month_ago()) == []
    assert _mark() == 0


def test_an_expired_workflow_goes_with_the_last_of_its_steps(api: TestClient) -> None:
    mine = _ended(api)
    _age_all(mine, 40)
    with session_scope(read_only=True) as session:
        found = [(each.kind, each.rows) for each in count_expired(session, _month_ago())]
    assert found == [("s3_data", 1), ("job", 1), ("workflow", 1)]
    assert _mark() == 3
    job_id, transfer_id = step_id(mine, "smooth"), step_id(mine, "input", is_job=False)
    prune_job.apply(args=[str(job_id)], throw=True)
    assert api.get(f"/workflow/{mine}").status_code == 200
    prune_transfer.apply(args=[str(transfer_id)], throw=True)
    assert api.get(f"/workflow/{mine}").status_code == 404
    assert [_count(model) for model in (Transfer, Job, Workflow, Event)] == [0, 0, 0, 0]


def test_a_workflow_whose_step_never_ran_goes_at_once(api: TestClient) -> None:
    mine = str(start(api, SMOOTH)["id"])
    api.post(f"/workflow/{mine}/cancel")
    _age(Transfer, step_id(mine, "input", is_job=False), 40)
    _age(Workflow, UUID(mine), 40)
    assert _mark() == 2
    assert _count(Workflow) == _count(Event) == 0


@pytest.mark.parametrize("whole", [True, False], ids=["workflow", "step"])
def test_an_expired_workflow_is_not_retried(api: TestClient, *, whole: bool) -> None:
    mine = str(start(api, SMOOTH)["id"])
    row_id = end_transfer(mine, fault="x")
    with session_scope() as session:
        session.execute(update(Workflow).values(prune_requested_at=utc_now()))
    url = f"/workflow/{mine}/retry" if whole else f"/s3_data/{row_id}/retry"
    answer = api.post(url)
    assert (answer.status_code, "prune" in answer.text) == (409, True)
