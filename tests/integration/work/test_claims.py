import threading
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in, session_scope
from gateway.errors import Cancelled, ClaimLost, SchedulerUnavailable
from gateway.jobs import lifecycle as jobs
from gateway.jobs import submissions
from gateway.models import Event, Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.failures import record_failure
from gateway.work.outbox import message_for
from tests.rows import job, new_job, new_transfer, transfer
from workers.claim_context import claim_row
from workers.tasks.jobs import submit

pytestmark = pytest.mark.usefixtures("database")


def _take(row_id: UUID, worker: str = "w1") -> Claim | None:
    with session_scope() as session:
        return claims.take_transfer(session, row_id, worker)


def _let_the_lease_run_out(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == row_id).values(lease_until=db_now(-1)))


def test_a_row_is_claimed_once() -> None:
    row_id = new_transfer()
    assert _take(row_id) == Claim(row_id, number=1, attempt=1, repeated=False)
    assert _take(row_id, "w2") is None
    row = transfer(row_id)
    assert (row.state, row.worker, row.claim) == (TransferState.TRANSFERRING, "w1", 1)


def test_of_many_workers_at_once_one_gets_the_row(database: Engine) -> None:
    row_id = new_transfer()
    won: list[Claim] = []

    def worker(name: str) -> None:
        claim = _take(row_id, name)
        if claim:
            won.append(claim)

    workers = [threading.Thread(target=worker, args=[f"w{n}"]) for n in range(8)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert len(won) == 1


def test_an_unknown_row_is_nobodys() -> None:
    assert _take(uuid4()) is None


def test_a_lease_that_ran_out_gives_the_row_to_the_next_and_fences_the_first() -> None:
    row_id = new_transfer()
    first = _take(row_id)
    assert first is not None
    _let_the_lease_run_out(row_id)
    second = _take(row_id, "w2")
    assert second == Claim(row_id, number=2, attempt=1, repeated=True)
    with session_scope() as session:
        verdicts = claims.renew_claims(session, Transfer, {first: {"bytes_done": 7}, second: {}})
    assert isinstance(verdicts[first], ClaimLost)
    assert verdicts[second] is None
    with session_scope() as session, pytest.raises(ClaimLost):
        transfers.complete(session, first, 7)
    assert transfer(row_id).bytes_done == 0


def test_renewing_extends_the_lease_and_writes_progress() -> None:
    row_id = new_transfer()
    claim = _take(row_id)
    assert claim is not None
    before = transfer(row_id).lease_until
    with session_scope() as session:
        assert claims.renew_claims(session, Transfer, {claim: {"bytes_done": 7, "bytes_total": 9}}) == {
            claim: None
        }
    row = transfer(row_id)
    assert row.lease_until is not None
    assert before is not None
    assert row.lease_until >= before
    assert (row.bytes_done, row.bytes_total) == (7, 9)


def test_the_keeper_hears_of_a_cancel_when_it_renews() -> None:
    row_id = new_transfer()
    claim = _take(row_id)
    assert claim is not None
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row_id))
    with session_scope() as session:
        [verdict] = claims.renew_claims(session, Transfer, {claim: {}}).values()
    assert isinstance(verdict, Cancelled)


def test_a_row_that_kills_its_workers_ends_by_itself() -> None:
    row_id = new_transfer()
    for _ in range(get_settings().retries + 1):
        assert _take(row_id) is not None
        _let_the_lease_run_out(row_id)
    assert _take(row_id) is None
    row = transfer(row_id)
    assert row.state is TransferState.FAILED
    assert "workers died" in row.reason


def test_a_row_that_waits_for_a_retry_is_not_claimed_before_its_time() -> None:
    row_id = new_transfer()
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.state, row.retry_at = TransferState.RETRYING, due_in(60)
    assert _take(row_id) is None
    with session_scope() as session:
        session.get_one(Transfer, row_id).retry_at = due_in(-1)
    assert _take(row_id) is not None


def test_a_transfer_whose_worker_died_before_it_heard_of_a_cancel_is_not_begun_again() -> None:
    row_id = new_transfer("s3_result")
    assert _take(row_id) is not None
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row_id))
    _let_the_lease_run_out(row_id)
    assert claim_row(claims.take_transfer, str(row_id), "w2") is None
    row = transfer(row_id)
    assert (row.state, row.leftovers, row.lease_until) == (TransferState.CANCELLED, True, None)
    assert row.credentials is not None  # for the clean-up, which is sent at once
    assert message_for(row).task == "transfers.clean"


def test_a_submitted_job_has_no_lease_and_is_not_submitted_again() -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "w1")
    assert claim is not None
    with session_scope() as session:
        submissions.record_submissions(session, {claim: "4711"})
    row = job(row_id)
    assert (row.state, row.scheduler_id, row.lease_until, row.next_send_at) == (
        JobState.PENDING,
        "4711",
        None,
        None,
    )
    with session_scope() as session:
        assert claims.take_submission(session, row_id, "w2") is None
        assert claims.take_ending(session, row_id, "w2") is None


def test_a_job_to_be_cancelled_is_looked_for_but_not_submitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first submission failed for the moment, and the scheduler may have taken it all the same."""
    row_id = new_job("fft")
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "w1")
    assert claim is not None
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
        record_failure(session, claims.lock_claimed(session, Job, claim), SchedulerUnavailable("later"))
        row = session.get_one(Job, row_id)
        assert row.state is JobState.RETRYING
        row.retry_at = None
    scheduler = Mock(find=Mock(return_value=None))
    monkeypatch.setattr("workers.job_submission.open_scheduler", lambda _: scheduler)
    submit.apply(args=[str(row_id)])
    assert job(row_id).state is JobState.CANCELLED
    scheduler.find.assert_called_once()
    scheduler.submit.assert_not_called()


def test_an_end_is_claimed_once_the_watcher_has_seen_it() -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state, row.finding = JobState.RUNNING, {"state": "succeeded", "exit_code": 0, "reason": ""}
    with session_scope() as session:
        assert claims.take_ending(session, row_id, "w1") is not None
    with session_scope() as session:
        assert claims.take_ending(session, row_id, "w2") is None


def test_every_change_of_state_is_in_the_history() -> None:
    row_id = new_transfer()
    claim = _take(row_id)
    assert claim is not None
    with session_scope() as session:
        transfers.complete(session, claim, 7)
    with session_scope(read_only=True) as session:
        events = session.scalars(select(Event).where(Event.work_id == row_id).order_by(Event.id)).all()
    assert [(event.from_state, event.to_state, event.claim, event.worker) for event in events] == [
        ("", "accepted", 0, ""),
        ("accepted", "transferring", 1, "w1"),
        ("transferring", "completed", 1, "w1"),
    ]
    assert transfer(row_id).credentials is None


def test_a_keeper_hears_of_a_row_that_is_gone_or_that_it_could_not_renew_in_time(database: Engine) -> None:
    gone, locked, cancelled = new_transfer(), new_transfer(), new_transfer()
    claimed = [_take(each) for each in (gone, locked, cancelled)]
    claim = {each.id: each for each in claimed if each}
    with session_scope() as session:
        session.execute(delete(Transfer).where(Transfer.id == gone))
        transfers.cancel(session, session.get_one(Transfer, cancelled))
    _let_the_lease_run_out(locked)
    with Session(database) as holder:
        if database.dialect.name == "postgresql":
            for each in (locked, cancelled):
                holder.get_one(Transfer, each, with_for_update=True)
        with session_scope() as session:
            verdicts = claims.renew_claims(session, Transfer, {each: {} for each in claim.values()})
    assert isinstance(verdicts[claim[gone]], ClaimLost)
    assert isinstance(verdicts[claim[cancelled]], Cancelled)
    if database.dialect.name == "postgresql":
        assert isinstance(verdicts[claim[locked]], ClaimLost)
