"""Workflows under concurrency: ends at the same time, ends in groups, requests beside ends."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from gateway.db import session_scope
from gateway.models import Event, Job, Transfer, Workflow
from gateway.states import TransferState
from gateway.transfers.groups import claim_group, complete_group
from gateway.work.transitions import move_many
from gateway.workflows.advance import advance
from tests.rows import job
from tests.workflows import SMOOTH, end_job, end_transfer, show, start, states, step_id


def _together(*calls: Callable[[], object]) -> list[BaseException]:
    """Call all at once; return the errors."""
    barrier, errors = threading.Barrier(len(calls)), list[BaseException]()

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001  it is the result
            errors.append(error)

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def _job(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "services": ["fft"], **more}


def _begun(mine: str) -> int:
    with session_scope(read_only=True) as session:
        return sum(
            session.scalar(select(func.count()).where(model.workflow_id == UUID(mine))) or 0
            for model in (Transfer, Job)
        )


def test_two_steps_that_end_at_once_end_the_workflow_once(api: TestClient) -> None:
    for _ in range(5):
        mine = start(api, _job("a"), _job("b"), output=None)["id"]
        end_transfer(mine)
        assert not _together(lambda: end_job(mine, "a"), lambda: end_job(mine, "b"))  # noqa: B023  they have ended
        assert show(api, mine)["state"] == "succeeded"
        told = [e["to_state"] for e in api.get(f"/workflow/{mine}/events").json()]
        assert told == ["accepted", "running", "succeeded"]


def test_a_step_after_an_end_that_is_told_many_times_begins_once(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    end_transfer(mine)

    def tell_again() -> None:
        with session_scope() as session:
            advance(session, [UUID(mine)])

    assert not _together(*[tell_again] * 8)
    assert _begun(mine) == 2


def test_a_second_row_of_a_step_is_refused_by_the_database(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    end_transfer(mine)
    first = job(step_id(mine, "smooth"))
    columns = {c.key: getattr(first, c.key) for c in Job.__table__.columns if c.key != "id"}
    with pytest.raises(IntegrityError), session_scope() as session:
        session.add(Job(**columns))


def test_transfers_that_end_in_a_group_begin_their_next_steps(api: TestClient) -> None:
    mine = [start(api, SMOOTH)["id"] for _ in range(3)]
    ids = [step_id(each, "input", is_job=False) for each in mine]
    with session_scope() as session:
        claims = [claim for claim, _ in claim_group(session, ids, "worker")]
    assert {show(api, each)["state"] for each in mine} == {"running"}
    with session_scope() as session:
        complete_group(session, dict.fromkeys(claims, 5))
    assert [states(show(api, each))["smooth"] for each in mine] == ["accepted"] * 3


def test_an_end_that_is_rolled_back_begins_nothing(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    where = Transfer.workflow_id == UUID(mine)

    def end_and_fail() -> None:
        with session_scope() as session:
            move_many(session, Transfer, where, TransferState.TRANSFERRING)
            move_many(session, Transfer, where, TransferState.COMPLETED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_and_fail()
    assert (_begun(mine), show(api, mine)["state"]) == (1, "accepted")


def test_a_cancel_beside_an_end_leaves_no_step_behind(api: TestClient) -> None:
    for _ in range(5):
        mine = start(api, _job("a"), _job("b"))["id"]
        end_transfer(mine)

        def cancel(mine: str = mine) -> None:
            assert api.post(f"/workflow/{mine}/cancel").status_code in {200, 409}

        def end(mine: str = mine) -> None:
            end_job(mine, "a")

        _together(cancel, end)  # the job may be cancelled before it is claimed
        status = show(api, mine)
        live = [s for s in status["steps"] if s["state"] in {"accepted", "transferring", "submitting"}]
        assert bool(live) == (status["state"] == "running")


def test_many_workflows_at_once_have_each_step_once(api: TestClient) -> None:
    mine = [start(api)["id"] for _ in range(6)]

    def run(each: str) -> None:
        end_transfer(each)
        end_job(each, "smooth")
        end_job(each, "spectrum")
        end_transfer(each, "spectrum/fft.csv")

    assert not _together(*[lambda each=each: run(each) for each in mine])
    assert {show(api, each)["state"] for each in mine} == {"succeeded"}
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Workflow)) == len(mine)
        ends = select(func.count()).where(Event.to_state == "succeeded", Event.work_id.in_(map(UUID, mine)))
        assert session.scalar(ends) == len(mine)
