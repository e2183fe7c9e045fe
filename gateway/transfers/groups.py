"""Groups of small transfers: one message for many rows, and a few statements to claim and to complete them.

A single transfer costs a message, four transactions and a thread, many times the cost of a few kilobytes. A
group holds rows that no worker has begun: a row that fails or kills its worker has a message of its own from
then on, so it takes no other down with it. Locked rows are skipped, so that groups never wait in a circle.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, case, literal, select
from sqlalchemy.orm import Session

from gateway.clusters.queue_names import work_queue
from gateway.db import db_now
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.work.claims import Claim, is_unclaimed
from gateway.work.outbox import Message
from gateway.work.transitions import move_many

FILES = 64
FILE_BYTES = 1 << 20
BYTES = 16 << 20


def group_messages(rows: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
    """Yield the messages of new rows of one cluster: groups of small ones, and one for each other row."""
    group: list[UUID] = []
    queue, total = "", 0
    for row in rows:
        queue, size = work_queue(row["infrastructure"], moves_bytes=True), row["bytes_total"]
        if size > FILE_BYTES or _is_ungrouped(row["kind"]):
            yield Message("transfers.run", row["id"], queue, first=True)
            continue
        if len(group) == FILES or total + size > BYTES:
            yield _group_message(group, queue)
            group, total = [], 0
        group.append(row["id"])
        total += size
    if group:
        yield _group_message(group, queue)


def _is_ungrouped(kind: str) -> bool:
    """Return whether rows of the kind are sent alone: no retry budget, or a limit of bytes per day."""
    settings = get_settings()
    return settings.budget(kind) == 0 or settings.bytes_per_day > 0


def _group_message(group: Sequence[UUID], queue: str) -> Message:
    return Message("transfers.run", group[0], queue, others=tuple(group[1:]), first=True)


def claim_group(session: Session, row_ids: Iterable[UUID], worker: str) -> list[tuple[Claim, Transfer]]:
    """Claim the transfers that no worker has begun, and return them as they were before."""
    idle = (
        Transfer.state == TransferState.ACCEPTED,
        is_unclaimed(Transfer),
        Transfer.cancel_requested_at.is_(None),
    )
    fresh = select(Transfer).where(Transfer.id.in_(row_ids), *idle, Transfer.retry_at.is_(None))
    rows = session.scalars(fresh.order_by(Transfer.created_at).with_for_update(skip_locked=True)).all()
    lease = db_now(get_settings().lease_s)
    move_many(
        session,
        Transfer,
        Transfer.id.in_([row.id for row in rows]),
        TransferState.TRANSFERRING,
        claim=Transfer.claim + 1,
        worker=literal(worker),
        leftovers=True,
        lease_until=lease,
        next_send_at=lease,
    )
    return [(Claim(row.id, row.claim + 1, row.attempt, repeated=row.failures > 0), row) for row in rows]


def complete_group(session: Session, done: Mapping[Claim, int]) -> set[Claim]:
    """Complete the claimed transfers with their numbers of bytes; return the claims of locked rows.

    A row that has ended before, or that another worker has claimed since, stays as it is.
    """
    open_ones = Transfer.id.in_([each.id for each in done]), Transfer.state == TransferState.TRANSFERRING
    look = select(Transfer.id, Transfer.claim).where(*open_ones)
    locked = {(row_id, number) for row_id, number in session.execute(look.with_for_update(skip_locked=True))}
    seen = {(row_id, number) for row_id, number in session.execute(look)}
    _complete(session, {each.id: done[each] for each in done if (each.id, each.number) in locked})
    return {each for each in done if (each.id, each.number) in seen - locked}


def _complete(session: Session, moved: Mapping[UUID, int]) -> None:
    """Complete the locked rows, each with the number of its bytes."""
    if not moved:
        return
    number = case({row_id: literal(done, BigInteger) for row_id, done in moved.items()}, value=Transfer.id)
    move_many(
        session,
        Transfer,
        Transfer.id.in_(moved),
        TransferState.COMPLETED,
        bytes_done=number,
        bytes_total=number,
        credentials=None,
        leftovers=False,
        next_send_at=None,
    )
