from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway import leases
from gateway.db import db_now, session_scope, utc_now
from gateway.errors import SchedulerUnavailable, StorageError, StorageUnavailable
from gateway.models import Job, Transfer
from gateway.operations import sweep
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.work import claims, failures, outbox
from gateway.work.outbox import Message
from tests.rows import job, new_job, new_transfer, sending, transfer

pytestmark = pytest.mark.usefixtures("database")


def _make_due(model: type[Transfer | Job], row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(model).where(model.id == row_id).values(next_send_at=db_now(-1)))


def _sweep() -> list[Message]:
    with sending() as sent, session_scope() as session:
        sweep.sweep(session)
    return sent


def test_a_fresh_row_is_not_sent_again_at_once() -> None:
    new_transfer()
    assert _sweep() == []


def test_a_row_that_nobody_took_is_sent_again_and_then_later_and_later() -> None:
    row_id = new_transfer()
    waits: list[timedelta] = []
    for _ in range(3):
        _make_due(Transfer, row_id)
        assert _sweep() == [Message("transfers.run", row_id, "hpc.long")]
        assert _sweep() == []
        due = transfer(row_id).next_send_at
        assert due is not None
        waits.append(due - utc_now())
    assert waits[0] * 1.5 < waits[1]
    assert waits[1] * 1.5 < waits[2]


def test_a_job_is_sent_for_its_next_step() -> None:
    row_id = new_job("fft")
    _make_due(Job, row_id)
    assert _sweep() == [Message("jobs.submit", row_id, "hpc.short")]
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state, row.finding = JobState.RUNNING, {"state": "failed", "exit_code": 2, "reason": ""}
    _make_due(Job, row_id)
    assert _sweep() == [Message("jobs.finish", row_id, "hpc.short")]


def test_credentials_are_kept_for_a_retry_and_then_erased() -> None:
    old, young, running, unclean = (new_transfer() for _ in range(4))
    limit = timedelta(seconds=get_settings().credentials_kept_s)
    with session_scope() as session:
        for row_id, age, leftovers in ((old, 1.01, False), (young, 0.99, False), (unclean, 1.01, True)):
            values = {
                "state": TransferState.FAILED,
                "ended_at": utc_now() - limit * age,
                "leftovers": leftovers,
            }
            session.execute(update(Transfer).where(Transfer.id == row_id).values(**values))
    _sweep()
    kept = [transfer(row_id).credentials is not None for row_id in (old, young, running, unclean)]
    assert kept == [False, True, True, True]


def _claimed_transfer() -> UUID:
    row_id = new_transfer()
    with session_scope() as session:
        assert claims.take_transfer(session, row_id, "w1")
    return row_id


def test_a_final_error_ends_the_row_with_its_reason() -> None:
    row_id = _claimed_transfer()
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row_id), StorageError("no such bucket"))
    row = transfer(row_id)
    assert (row.state, row.reason, row.lease_until) == (TransferState.FAILED, "no such bucket", None)
    assert outbox.message_for(row).task == "transfers.clean"
    assert row.ended_at is not None


def test_a_transient_error_is_retried_with_longer_waits_until_the_budget_is_spent() -> None:
    row_id = _claimed_transfer()
    for _ in range(get_settings().retries):
        with session_scope() as session:
            failures.record_failure(
                session, session.get_one(Transfer, row_id), StorageUnavailable("slow down")
            )
        row = transfer(row_id)
        assert (row.state, row.reason) == (TransferState.RETRYING, "slow down")
        assert row.retry_at is not None
        with session_scope() as session:
            session.execute(update(Transfer).where(Transfer.id == row_id).values(retry_at=db_now(-1)))
        with session_scope() as session:
            assert claims.take_transfer(session, row_id, "w1")
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row_id), StorageUnavailable("slow down"))
    row = transfer(row_id)
    assert row.state is TransferState.FAILED
    assert row.reason == f"given up after {get_settings().retries + 1} tries: slow down"


def test_an_end_that_cannot_be_read_yet_leaves_the_state_and_is_tried_again() -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state, row.finding = JobState.RUNNING, {"state": "succeeded", "exit_code": 0, "reason": ""}
    with session_scope() as session:
        assert claims.take_ending(session, row_id, "w1")
    with session_scope() as session:
        failures.record_failure(
            session, session.get_one(Job, row_id), SchedulerUnavailable("stale file handle")
        )
    row = job(row_id)
    assert (row.state, row.lease_until) == (JobState.RUNNING, None)
    assert row.next_send_at is not None


def _age(row_id: UUID, seconds: float) -> None:
    with session_scope() as session:
        old = utc_now() - timedelta(seconds=seconds)
        session.execute(update(Transfer).where(Transfer.id == row_id).values(queued_at=old))


def test_a_row_that_no_worker_serves_says_so_and_at_last_fails() -> None:
    row_id = new_transfer(infrastructure="unserved")
    _sweep()
    assert transfer(row_id).reason == ""
    _age(row_id, get_settings().send_again_s + 1)
    _sweep()
    row = transfer(row_id)
    assert row.state is TransferState.ACCEPTED
    assert "no worker is connected to 'unserved'" in row.reason
    _age(row_id, get_settings().unserved_s + 1)
    _sweep()
    row = transfer(row_id)
    assert row.state is TransferState.FAILED
    assert "no worker was connected to 'unserved'" in row.reason


def test_a_row_of_a_cluster_that_is_served_only_waits() -> None:
    row_id = new_transfer()
    _age(row_id, get_settings().unserved_s + 1)
    with session_scope() as session:
        assert leases.acquire_lease(session, leases.watcher_lease("hpc"), "w1", 30)
    _sweep()
    assert transfer(row_id).state is TransferState.ACCEPTED
    assert transfer(row_id).reason == ""


def test_a_lease_is_one_holders_until_it_is_given_back() -> None:
    def take(holder: str, seconds: float = 30) -> bool:
        with session_scope() as session:
            return leases.acquire_lease(session, "watch:x", holder, seconds)

    assert take("a")
    assert take("a")
    assert not take("b")
    with session_scope() as session:
        assert leases.held_leases(session, ["watch:x", "watch:y"]) == {"watch:x"}
        leases.release_lease(session, "watch:x", "b")
    assert not take("b")
    with session_scope() as session:
        leases.release_lease(session, "watch:x", "a")
    assert take("b")
