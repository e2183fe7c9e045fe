"""Slots, claims and sweeps of the tests of turns, and the state of the outbox that they look at."""

from uuid import UUID

from sqlalchemy import func, select, update

from gateway.clusters import heartbeats
from gateway.db import db_now, session_scope
from gateway.models import Job, Transfer
from gateway.transfers import lifecycle as transfers
from gateway.work import claims, turns
from gateway.work.claims import Claim
from gateway.work.outbox import Message
from gateway.work.overdue import take_overdue
from tests.rows import transfer

SLOTS = 4


def serve(slots: int = SLOTS) -> None:
    with session_scope() as session:
        heartbeats.record_slots(session, "hpc", "w", slots)


def take(row_id: UUID) -> Claim | None:
    with session_scope() as session:
        return claims.take_transfer(session, row_id, "w")


def end(claim: Claim | None) -> None:
    """Complete a transfer as a worker does, and publish its owner's next rows."""
    assert claim is not None
    with session_scope() as session:
        transfers.complete(session, claim, 1)
    with session_scope() as session:
        turns.send_next(session, Transfer, "hpc", transfer(claim.id).owner)


def sweep() -> list[Message]:
    with session_scope() as session:
        return take_overdue(session, 500)


def is_waiting(row: Transfer | Job) -> bool:
    assert (row.turn_at is None) == (row.message_id is not None), "a live idle row waits or is published"
    assert (row.turn_at is None) == (row.next_send_at is not None)
    return row.turn_at is not None


def ids(messages: list[Message]) -> list[UUID]:
    return [row_id for message in messages for row_id in (message.id, *message.others)]


def published() -> dict[str, int]:
    """Return the number of published unclaimed messages of each owner."""
    open_ones = Transfer.message_id.is_not(None), Transfer.lease_until.is_(None)
    with session_scope(read_only=True) as session:
        counts = select(Transfer.owner, func.count(Transfer.message_id.distinct())).where(*open_ones)
        return {str(owner): int(count) for owner, count in session.execute(counts.group_by(Transfer.owner))}


def change(*row_ids: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id.in_(row_ids)).values(**values))


def make_due() -> None:
    with session_scope() as session:
        for model in (Transfer, Job):
            session.execute(
                update(model).where(model.next_send_at.is_not(None)).values(next_send_at=db_now(-1))
            )
