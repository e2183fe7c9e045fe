"""Rows that have ended, for the tests: failed transfers and finished jobs, ended by the use cases."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.db import session_scope
from gateway.errors import StorageError
from gateway.jobs.lifecycle import finish
from gateway.jobs.submissions import record_submissions
from gateway.models import Job, Transfer
from gateway.states import JobState
from gateway.work import failures
from gateway.work.claims import Claim, take_ending, take_submission, take_transfer
from tests.polling import until
from tests.rows import new_job, new_transfer


def claim_transfer(row_id: UUID) -> Claim:
    return claim_row(take_transfer, Transfer, row_id)


def claim_row(
    take: Callable[[Session, UUID, str], Claim | None], model: type[Transfer | Job], row_id: UUID
) -> Claim:
    """Claim a row as its message does that comes again: the sender of its owner's next row may lock it."""

    def claim() -> Claim | None:
        with session_scope() as session:
            found = take(session, row_id, "worker")
            row = cast("Transfer | Job", session.get_one(model, row_id))
            assert found or row.ended_at is None, "the row has ended"
            return found

    return until("the row is claimed", claim, within_s=10)


def moving_transfer() -> UUID:
    """Return a transfer that is claimed and has moved a quarter of its bytes."""
    row_id = new_transfer()
    claim_transfer(row_id)
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.bytes_total, row.bytes_done, row.bytes_per_s = 4_000_000, 1_000_000, 250_000
    return row_id


def failed_transfer(reason: str = "the bucket is missing", **row: str) -> UUID:
    row_id = new_transfer(**row)
    claim_transfer(row_id)
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row_id), StorageError(reason))
    return row_id


def submit_job(row_id: UUID) -> None:
    claim_row(_submit, Job, row_id)


def _submit(session: Session, row_id: UUID, worker: str) -> Claim | None:
    claim = take_submission(session, row_id, worker)
    if claim:
        record_submissions(session, {claim: "17"})
    return claim


def ended_job(state: JobState, reason: str = "exit code 2") -> UUID:
    row_id = new_job("fft")
    submit_job(row_id)
    with session_scope() as session:
        session.get_one(Job, row_id).finding = {"state": str(state), "exit_code": 2, "reason": reason}
    claim = claim_row(take_ending, Job, row_id)
    with session_scope() as session:
        finish(session, claim, state, reason, outputs=[], usage={})
    return row_id
