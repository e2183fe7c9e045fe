"""Claims: the fenced right of one worker to write to a row, for as long as it renews its lease.

A worker claims an unclaimed row in one transaction that raises `claim` and sets a lease by the database's
clock. The number in `claim` is the fence: every later write of the worker names it, and changes no row once
another worker has claimed it. A lease that ran out counts as a failure of the attempt, so that a row which
kills its workers ends.
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
from gateway.work import turns
from gateway.work.failures import ON_REQUEST, finish_cancel, give_up
from gateway.work.lack_of_memory import final_reason
from gateway.work.outbox import next_send
from gateway.work.transitions import move

DEAD_REMOVAL = 10  # failures that a removal counts as whose worker died in it
Row = TypeVar("Row", bound=Transfer | Job)


@dataclass(frozen=True)
class Claim:
    """A worker's right to write to a row; `repeated` when an earlier claim may have begun the work."""

    id: UUID
    number: int
    attempt: int
    repeated: bool


def take_transfer(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a transfer for work, or return None when there is nothing to do for this worker.

    A transfer with a cancel request, whose worker died or stopped before it read the request, ends here.
    """
    workable = Transfer.state.in_(Transfer.live), Transfer.is_childless()
    row = session.scalar(_select_claimable(Transfer, row_id).where(*workable))
    if row is None:
        return None
    if row.cancel_requested_at is not None:
        finish_cancel(session, row)
        return None
    if not _takes_turn(session, row):
        return None
    row.leftovers = True
    return _claim(session, row, TransferState.TRANSFERRING, TransferState.FAILED, worker)


def _takes_turn(session: Session, row: Transfer | Job) -> bool:
    """Tell whether it is the owner's turn; the row waits again when it is not."""
    if turns.is_turn(session, row):
        return True
    turns.line_up(row, since=row.queued_at)
    return False


def take_leftovers(session: Session, row_id: UUID) -> Transfer | None:
    """Lease an ended transfer for the removal of its leftovers, or return None when there are none.

    A retry that comes meanwhile waits for the end of this lease.
    """
    statement = _select_claimable(Transfer, row_id).where(Transfer.leftovers, Transfer.ended_at.is_not(None))
    return _lease_ended(session, session.scalar(statement))


def take_expired(session: Session, model: type[Row], row_id: UUID) -> Row | None:
    """Lease an expired row for the removal of its files, or return None when it is not to be removed."""
    statement = _select_claimable(model, row_id).where(
        model.prune_requested_at.is_not(None), model.ended_at.is_not(None)
    )
    return _lease_ended(session, session.scalar(statement))


def _lease_ended(session: Session, row: Row | None) -> Row | None:
    """Lease an ended row in its owner's turn; a lease that ran out counts as several failures."""
    if row is None or not _takes_turn(session, row):
        return None
    if row.lease_until is not None:
        row.failures += DEAD_REMOVAL
    row.lease_until = due_in(get_settings().lease_s)
    _hold_slot(session, row)
    return row


def _hold_slot(session: Session, row: Transfer | Job) -> None:
    """Let the claimed row stand for a slot, and publish its owner's next."""
    row.message_id, row.turn_at = row.id, None
    session.flush()
    turns.send_next(session, type(row), row.infrastructure, row.owner)


def take_submission(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a job for its submission."""
    row = session.scalar(_select_claimable(Job, row_id).where(Job.state.in_(BEFORE_SCHEDULER)))
    if row is None or not _takes_turn(session, row):
        return None
    return _claim(session, row, JobState.SUBMITTING, JobState.FAILED, worker)


def take_ending(session: Session, row_id: UUID, worker: str) -> Claim | None:
    """Claim a job whose end the watcher has found; its state stays until that end is final."""
    seen = Job.state.in_(IN_SCHEDULER), Job.finding.is_not(None)
    row = session.scalar(_select_claimable(Job, row_id).where(*seen))
    if row is None or not _takes_turn(session, row):
        return None
    return _claim(session, row, None, JobState.LOST, worker)


def is_unclaimed(model: type[Row]) -> ColumnElement[bool]:
    """Return the condition that the row has no valid lease, by the database's clock."""
    return or_(model.lease_until.is_(None), model.lease_until < db_now())


def _select_claimable(model: type[Row], row_id: UUID) -> Select[Row]:
    """Select the row, locked, unless it is claimed or waits for a later automatic retry."""
    return (
        select(model)
        .where(model.id == row_id)
        .where(is_unclaimed(model))
        .where(or_(model.retry_at.is_(None), model.retry_at <= db_now()))
        .with_for_update(skip_locked=True)
    )


def _claim(
    session: Session, row: Transfer | Job, to: State | None, given_up: State, worker: str
) -> Claim | None:
    has_died = row.lease_until is not None and row.state != row.states.ACCEPTED  # else a clean-up's lease
    if has_died and _is_given_up(session, row, given_up):
        return None
    repeated = has_died or row.failures > 0
    row.claim += 1
    row.worker = worker
    if to is not None:
        move(session, row, to)
    row.retry_at = None
    row.lease_until = row.next_send_at = due_in(get_settings().lease_s)
    _hold_slot(session, row)
    return Claim(row.id, row.claim, row.attempt, repeated)


def _is_given_up(session: Session, row: Transfer | Job, to: State) -> bool:
    """Count the worker that died; end the row when its work lacked memory twice, or too many have died."""
    row.failures += 1
    reason, fault = final_reason(session, row), Fault.LIMIT
    if not reason and row.failures > get_settings().budget(row.kind):
        reason, fault = f"given up: {row.failures} workers died while they worked on it", Fault.WORKERS
    if reason:
        give_up(session, row, to, reason, fault)
    return bool(reason)


def renew_removal(session: Session, row: Transfer | Job) -> None:
    """Extend the lease of an ended row whose files are being removed, also when it was retried meanwhile."""
    model = type(row)
    leased = model.id == row.id, model.lease_until.is_not(None)
    still = or_(model.claim == row.claim, model.state == model.states.ACCEPTED)
    longer = update(model).where(*leased, still).values(lease_until=db_now(get_settings().lease_s))
    session.execute(longer.execution_options(synchronize_session=False))


def put_off_removal(session: Session, row: Transfer | Job) -> None:
    """End the lease of a row whose files could not be removed; the sweep sends it again after a wait."""
    model = type(row)
    due_at = next_send(row.sends)["next_send_at"]
    waits = {"lease_until": None, "message_id": None, "next_send_at": due_at, "failures": row.failures + 1}
    later = update(model).where(model.id == row.id, model.claim == row.claim).values(waits)
    session.execute(later.execution_options(synchronize_session=False))


def lock_claimed(session: Session, model: type[Row], claim: Claim) -> Row:
    """Return the claimed row, locked, or raise ClaimLost when another worker has claimed it since."""
    statement = select(model).where(model.id == claim.id, model.claim == claim.number).with_for_update()
    row = session.scalar(statement)
    if row is None:
        raise claim_lost(claim)
    return row


def release_claim(row: Transfer | Job) -> None:
    """End the claim of a row that is not finished; `next_send_at` or the watcher takes it further."""
    row.lease_until = row.next_send_at = row.message_id = None
    row.failures = 0


def renew_claims(
    session: Session, model: type[Transfer | Job], changes: Mapping[Claim, Mapping[str, object]]
) -> dict[Claim, GatewayError | None]:
    """Extend the leases, write the changed columns of each row, and return a verdict on each claim.

    The verdict is ClaimLost when another worker has claimed the row since, Cancelled when a transfer is to
    stop. A row that another transaction has locked is read only: a holder of many rows waits for none.
    """
    selected = select(
        model.id, model.claim, model.lease_until, is_unclaimed(model).label("free"), model.cancel_requested_at
    ).where(model.id.in_([claim.id for claim in changes]))
    locked = {row.id for row in session.execute(selected.with_for_update(skip_locked=True))}
    seen = {row.id: row for row in session.execute(selected)}
    verdicts = {claim: _verdict(model, claim, seen.get(claim.id), locked) for claim in changes}
    held = [
        claim
        for claim, verdict in verdicts.items()
        if claim.id in locked and not isinstance(verdict, ClaimLost)
    ]
    _extend_leases(session, model, [claim.id for claim in held if not changes[claim]], {})
    for claim in held:
        if changes[claim]:
            _extend_leases(session, model, [claim.id], changes[claim])
    return verdicts


def _verdict(model: type[Transfer | Job], claim: Claim, row: Any, locked: set[UUID]) -> GatewayError | None:
    if row is None or row.claim != claim.number or row.lease_until is None:
        return claim_lost(claim)
    if row.free and claim.id not in locked:
        return claim_lost(claim)  # another transaction has locked it, perhaps to claim it
    return Cancelled(ON_REQUEST) if model.interruptible and row.cancel_requested_at is not None else None


def claim_lost(claim: Claim) -> ClaimLost:
    """Return the error of a claim that another worker's claim has ended."""
    return ClaimLost(f"{claim.id}: claim {claim.number} is no longer valid")


def _extend_leases(
    session: Session, model: type[Transfer | Job], ids: Sequence[UUID], changes: Mapping[str, object]
) -> None:
    lease = db_now(get_settings().lease_s)
    values = {"lease_until": lease, "next_send_at": lease, "updated_at": utc_now(), **changes}
    if ids:
        chosen = update(model).where(model.id.in_(ids)).values(**values)
        session.execute(chosen.execution_options(synchronize_session=False))
