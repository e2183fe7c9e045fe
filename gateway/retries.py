"""Retries by hand: the same row, its next attempt, from the step that failed."""

from sqlalchemy.orm import Session

from gateway import infrastructures, prefixes, quotas
from gateway.credentials import seal
from gateway.db import due_in, utc_now
from gateway.errors import Conflict
from gateway.history import reopen
from gateway.models import Job, Transfer
from gateway.outbox import fresh
from gateway.states import JobState, State, TransferState, is_final, is_retryable
from gateway.storage.address import Secret, SignedUrl
from gateway.storage.signatures import check_signed


def lock(session: Session, row: Transfer | Job) -> None:
    """Hold the row for a retry, and before it its parent: all who take both take them in this order."""
    if isinstance(row, Transfer) and row.parent_id is not None:
        session.get_one(Transfer, row.parent_id, with_for_update=True, populate_existing=True)
    session.refresh(row, with_for_update=True)


def retry(
    session: Session, row: Transfer | Job, actor: str, why: str = "", secret: Secret | None = None
) -> None:
    """Take an ended row up again, and its parent with it; who asked and why stays in their history.

    Raises
    ------
    Conflict
        When the row has not ended, ended well, or would need credentials that are erased.
    """
    check(row, secret)
    _admit(session, row)
    _begin_again(session, row, actor, why, secret)
    if isinstance(row, Transfer) and row.parent_id is not None:
        _parent_again(session, session.get_one(Transfer, row.parent_id), actor, row.object)


def _admit(session: Session, row: Transfer | Job) -> None:
    """Ask for room; a part needs none of its own, but the one that it belongs to may have ended."""
    cluster = infrastructures.get(session, row.infrastructure)
    if isinstance(row, Transfer) and row.parent_id is not None:
        row = session.get_one(Transfer, row.parent_id)
    if is_final(row.state):
        quotas.admit(session, row.owner, cluster, type(row))


def _begin_again(session: Session, row: Transfer | Job, actor: str, why: str, secret: Secret | None) -> None:
    _next_attempt(row)
    if isinstance(row, Transfer) and row.children is not None:
        to = _children_again(session, row, actor, why, secret)
    else:
        to = _transfer_again(row, secret) if isinstance(row, Transfer) else _job_again(row)
    reopen(session, row, to, why, actor)


def _next_attempt(row: Transfer | Job) -> None:
    row.attempt += 1
    row.claim += 1  # whoever still works on the attempt before must not write to this one
    row.failures = 0
    row.cancel_requested_at = None
    row.queued_at = utc_now()
    for column, value in fresh().items():
        setattr(row, column, value)


def check(row: Transfer | Job, secret: Secret | None = None) -> None:
    """Raise Conflict when the row cannot be retried as it is."""
    if not is_final(row.state):
        raise Conflict(f"it is {row.state}: only what has ended can be retried")
    if row.prune_requested_at is not None:
        raise Conflict("it is being removed: it ended longer ago than is kept")
    if not is_retryable(row.state):
        raise Conflict(f"it is {row.state}: there is nothing to retry")
    if isinstance(row, Transfer) and row.kind != "data" and row.credentials is None and secret is None:
        raise Conflict("its credentials are erased: send fresh ones with the retry")


def _transfer_again(row: Transfer, secret: Secret | None) -> State:
    if isinstance(secret, SignedUrl):
        check_signed(secret, row.endpoint, row.bucket, row.object)
    if secret is not None:
        row.credentials = seal(secret)
    row.bytes_done = 0
    if row.parent_id is None:  # else the listing has told it
        row.bytes_total = None
    return TransferState.ACCEPTED


def _children_again(session: Session, row: Transfer, actor: str, why: str, secret: Secret | None) -> State:
    """Retry those children alone that ended badly; the sweep ends the parent when they have ended."""
    for child in prefixes.ended_badly(session, row):
        check(child, secret)
        _begin_again(session, child, actor, why, secret)
        child.next_send_at = due_in(0)
    if secret is not None:
        row.credentials = seal(secret)
    row.next_send_at = None
    prefixes.count(session, row)
    return TransferState.TRANSFERRING


def _parent_again(session: Session, parent: Transfer, actor: str, name: str) -> None:
    """Let a parent that has ended wait again for its children, of which one has been retried."""
    if is_final(parent.state):
        _next_attempt(parent)
        parent.next_send_at = None
        reopen(session, parent, TransferState.TRANSFERRING, f"{name!r} was retried", actor)
    prefixes.count(session, parent)


def _job_again(row: Job) -> State:
    """Run the job again, unless its run ended well and only its end could not be read."""
    row.outputs, row.exit_code, row.usage = [], None, None
    if row.finding and row.finding["state"] == JobState.SUCCEEDED:
        return JobState.PENDING
    row.run = row.attempt
    row.finding = None
    row.scheduler_id = ""
    row.submitted_at = row.started_at = None
    return JobState.ACCEPTED
