"""Changes of state: the only functions that make one, each written down in the same transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import due_in, utc_now
from gateway.errors import Conflict
from gateway.models import Event, Job, Transfer
from gateway.states import JobState, State, TransferState, is_final, may_follow


def begin(session: Session, row: Transfer | Job) -> None:
    """Write the first event of a row that was just added."""
    session.flush()
    _record(session, row, "", row.state)


def move(session: Session, row: Transfer | Job, to: State, reason: str = "", actor: str = "") -> None:
    """Take the row to a state that may follow its own, or raise Conflict."""
    if not may_follow(to, after=row.state):
        raise Conflict(f"{row.id} is {row.state} and cannot become {to}")
    _enter(session, row, to, reason, actor)
    if is_final(to):
        row.ended_at = row.updated_at
        row.lease_until = row.retry_at = None
        has_leftovers = isinstance(row, Transfer) and row.leftovers
        row.next_send_at = due_in(0) if has_leftovers else None  # for their removal


def reopen(session: Session, row: Transfer | Job, to: State, reason: str, actor: str) -> None:
    """Take an ended row up again, which only a retry may do; what it shows starts without a reason."""
    _enter(session, row, to, reason, actor)
    row.reason, row.ended_at = "", None


def note(session: Session, row: Transfer | Job, reason: str, actor: str) -> None:
    """Write down what somebody asked for while the row's state stays as it is."""
    _record(session, row, row.state, row.state, reason=reason, actor=actor)


def events(session: Session, row: Transfer | Job) -> list[Event]:
    """Return everything that happened to the row, in order."""
    return list(session.scalars(select(Event).where(Event.work_id == row.id).order_by(Event.id)))


def _enter(session: Session, row: Transfer | Job, to: State, reason: str, actor: str) -> None:
    _record(session, row, row.state, to, reason=reason, actor=actor)
    if isinstance(row, Transfer):
        row.state = TransferState(to)
    else:
        row.state = JobState(to)
    row.reason, row.fault = reason, None
    row.updated_at = utc_now()


def _record(
    session: Session, row: Transfer | Job, before: str, to: str, *, reason: str = "", actor: str = ""
) -> None:
    session.add(
        Event(
            work_id=row.id,
            from_state=str(before),
            to_state=str(to),
            attempt=row.attempt,
            claim=row.claim,
            worker=row.worker,
            actor=actor,
            reason=reason,
        )
    )
