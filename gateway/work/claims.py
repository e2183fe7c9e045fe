"""Claims: how one worker, and only one, owns a row for as long as it shows that it is alive.

A claim is taken on a row that nobody holds, in one transaction that raises `claim` and sets a lease by
the database's clock. Every later write of the worker names its claim, and finds nothing to write to when
another worker has claimed the row since. A lease that ran out counts as a failure of the attempt, so
that a row which kills its workers ends by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in, utc_now
from gateway.errors import Cancelled, ClaimLost, Fault, GatewayError
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import BEFORE_SCHEDULER, IN_SCHEDULER, JobState, State, TransferState
from gateway.work.failures import ON_REQUEST, finish_cancel
from gateway.work.transitions import move

Row = TypeVar("Row", bound=Transfer | Job)


@dataclass(frozen=True)
class Claim:
    """A worker's right to write to a row; `repeated` when an earlier claim may have left traces."""

    id: UUID
    number: int
    attempt: int
    repeated: bool


def take_transfer(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a transfer for work, or return None when there is nothing to do for this worker.

    One whose worker died, or was stopped, before it heard of a cancel ends here.
    """
    workable = Transfer.state.in_(Transfer.live), Transfer.is_childless()
    row = session.scalar(_unheld(Transfer, row_id).where(*workable))
    if row is None:
        return None
    if row.cancel_requested_at is not None:
        finish_cancel(session, row)
        return None
    row.leftovers = True
    return _take(session, row, TransferState.TRANSFERRING, TransferState.FAILED, worker)


def take_leftovers(session: Session, row_id: UUID) -> Transfer | None:
    """Hold an ended transfer while what its tries have left is removed, or return None when there is none.

    A retry that comes meanwhile waits for the end of this lease.
    """
    statement = _unheld(Transfer, row_id).where(Transfer.leftovers, Transfer.ended_at.is_not(None))
    row = session.scalar(statement)
    if row is not None:
        row.lease_until = due_in(get_settings().lease_s)
        session.flush()
    return row


def take_expired(session: Session, model: type[Row], row_id: UUID) -> Row | None:
    """Hold an ended row that is to be removed while what it has left on its cluster is removed first."""
    statement = _unheld(model, row_id).where(
        model.prune_requested_at.is_not(None), model.ended_at.is_not(None)
    )
    row = session.scalar(statement)
    if row is not None:
        row.lease_until = due_in(get_settings().lease_s)
        session.flush()
    return row


def take_submission(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a job for its submission."""
    row = session.scalar(_unheld(Job, row_id).where(Job.state.in_(BEFORE_SCHEDULER)))
    return _take(session, row, JobState.SUBMITTING, JobState.FAILED, worker) if row else None


def take_ending(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a job whose end the watcher has seen; its state stays until that end is final."""
    seen = Job.state.in_(IN_SCHEDULER), Job.finding.is_not(None)
    row = session.scalar(_unheld(Job, row_id).where(*seen))
    return _take(session, row, None, JobState.LOST, worker) if row else None


def is_unclaimed(model: type[Row]) -> ColumnElement[bool]:
    """Say in SQL that nobody holds the row, by the database's clock."""
    return or_(model.lease_until.is_(None), model.lease_until < db_now())


def _unheld(model: type[Row], row_id: UUID) -> Select[Row]:
    """Select the row, locked, if nobody holds it and it is not waiting for a later automatic retry."""
    return (
        select(model)
        .where(model.id == row_id)
        .where(is_unclaimed(model))
        .where(or_(model.retry_at.is_(None), model.retry_at <= db_now()))
        .with_for_update(skip_locked=True)
    )


def _take(
    session: Session, row: Transfer | Job, to: State | None, given_up: State, worker: str
) -> Claim | None:
    settings = get_settings()
    repeated = row.lease_until is not None or row.failures > 0
    if row.lease_until is not None:
        row.failures += 1
        if row.failures > settings.budget(row.kind):
            move(session, row, given_up, f"given up: {row.failures} workers died while they worked on it")
            row.fault = Fault.WORKERS
            return None
    row.claim += 1
    row.worker = worker
    if to is not None:
        move(session, row, to)
    row.retry_at = None
    row.lease_until = row.next_send_at = due_in(settings.lease_s)
    session.flush()
    return Claim(row.id, row.claim, row.attempt, repeated)


def lock_claimed(session: Session, model: type[Row], claim: Claim) -> Row:
    """Return the claimed row, locked, or raise ClaimLost when another worker has claimed it since."""
    statement = select(model).where(model.id == claim.id, model.claim == claim.number).with_for_update()
    row = session.scalar(statement)
    if row is None:
        raise claim_lost(claim)
    return row


def release_claim(row: Transfer | Job) -> None:
    """Let go of a row that is not finished; who is next is found by `next_send_at` or by the watcher."""
    row.lease_until = row.next_send_at = None
    row.failures = 0


def renew_claims(
    session: Session, model: type[Transfer | Job], news: Mapping[Claim, Mapping[str, object]]
) -> dict[Claim, GatewayError | None]:
    """Extend the leases, write what has changed of each row, and return what has become of each.

    That is ClaimLost when another worker has claimed the row since, Cancelled when a transfer is to stop.
    A row that somebody else holds at this moment is only looked at: who holds several must not wait for one.
    """
    look = select(
        model.id, model.claim, model.lease_until, is_unclaimed(model).label("free"), model.cancel_requested_at
    ).where(model.id.in_([claim.id for claim in news]))
    ours = {row.id for row in session.execute(look.with_for_update(skip_locked=True))}
    seen = {row.id: row for row in session.execute(look)}
    verdicts = {claim: _verdict(model, claim, seen.get(claim.id), ours) for claim in news}
    held = [
        claim
        for claim, verdict in verdicts.items()
        if claim.id in ours and not isinstance(verdict, ClaimLost)
    ]
    _extend(session, model, [claim.id for claim in held if not news[claim]], {})
    for claim in held:
        if news[claim]:
            _extend(session, model, [claim.id], news[claim])
    return verdicts


def _verdict(model: type[Transfer | Job], claim: Claim, row: Any, ours: set[UUID]) -> GatewayError | None:
    if row is None or row.claim != claim.number or row.lease_until is None:
        return claim_lost(claim)
    if row.free and claim.id not in ours:
        return claim_lost(claim)  # whoever holds it may be giving it to another worker
    return Cancelled(ON_REQUEST) if model.interruptible and row.cancel_requested_at is not None else None


def claim_lost(claim: Claim) -> ClaimLost:
    """Return the error that says that a claim has come to its end elsewhere."""
    return ClaimLost(f"{claim.id}: claim {claim.number} is no longer valid")


def _extend(
    session: Session, model: type[Transfer | Job], ids: Sequence[UUID], news: Mapping[str, object]
) -> None:
    lease = db_now(get_settings().lease_s)
    values = {"lease_until": lease, "next_send_at": lease, "updated_at": utc_now(), **news}
    if ids:
        chosen = update(model).where(model.id.in_(ids)).values(**values)
        session.execute(chosen.execution_options(synchronize_session=False))
