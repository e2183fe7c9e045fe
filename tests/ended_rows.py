"""Rows that have ended, for the tests: failed transfers and finished jobs, ended by the use cases."""

from uuid import UUID

from gateway.db import session_scope
from gateway.errors import StorageError
from gateway.jobs.lifecycle import finish
from gateway.jobs.submissions import record_submissions
from gateway.models import Job, Transfer
from gateway.states import JobState
from gateway.work import failures
from gateway.work.claims import Claim, take_ending, take_submission, take_transfer
from tests.rows import new_job, new_transfer


def claim_transfer(row_id: UUID) -> Claim:
    with session_scope() as session:
        claim = take_transfer(session, row_id, "worker")
    assert claim is not None
    return claim


def failed_transfer(reason: str = "the bucket is missing", **row: str) -> UUID:
    row_id = new_transfer(**row)
    claim_transfer(row_id)
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row_id), StorageError(reason))
    return row_id


def submit_job(row_id: UUID) -> None:
    with session_scope() as session:
        claim = take_submission(session, row_id, "worker")
        assert claim is not None
        record_submissions(session, {claim: "17"})


def ended_job(state: JobState, reason: str = "exit code 2") -> UUID:
    row_id = new_job("fft")
    submit_job(row_id)
    with session_scope() as session:
        session.get_one(Job, row_id).finding = {"state": str(state), "exit_code": 2, "reason": reason}
    with session_scope() as session:
        claim = take_ending(session, row_id, "worker")
        assert claim is not None
        finish(session, claim, state, reason, outputs=[], usage={})
    return row_id
