"""Small transfers in groups: one message for many rows, and a few statements to claim and to end them.

By itself a row takes a message, four transactions and a thread, many times what a few kilobytes take. Only
what nobody has begun is taken in a group: a row that fails or kills its worker has a message of its own from
then on, so it takes no other down with it. No row is waited for, for whoever holds some may wait for others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now, utc_now
from gateway.models import Event, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.work.claims import Claim, is_unclaimed
from gateway.work.outbox import Message

FILES = 64
FILE_BYTES = 1 << 20
BYTES = 16 << 20
_NEXT = {
    TransferState.ACCEPTED: TransferState.TRANSFERRING,
    TransferState.TRANSFERRING: TransferState.COMPLETED,
}


def group_messages(rows: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
    """Yield messages for new rows of one cluster: the small ones share some, each other one has its own."""
    group: list[UUID] = []
    queue, total = "", 0
    for row in rows:
        queue, size = row["infrastructure"], row["bytes_total"]
        if size > FILE_BYTES or _goes_alone(row["kind"]):
            yield Message("transfers.run", row["id"], queue)
            continue
        if len(group) == FILES or total + size > BYTES:
            yield _message(group, queue)
            group, total = [], 0
        group.append(row["id"])
        total += size
    if group:
        yield _message(group, queue)


def _goes_alone(kind: str) -> bool:
    """Tell whether none may pay for another's dead worker, or each must see what those before moved."""
    settings = get_settings()
    return settings.budget(kind) == 0 or settings.bytes_per_day > 0


def _message(group: Sequence[UUID], queue: str) -> Message:
    return Message("transfers.run", group[0], queue, others=tuple(group[1:]))


def claim_group(session: Session, row_ids: Iterable[UUID], worker: str) -> list[tuple[Claim, Transfer]]:
    """Claim those of the transfers that nobody has begun, and return them as they were before."""
    idle = (
        Transfer.state == TransferState.ACCEPTED,
        is_unclaimed(Transfer),
        Transfer.cancel_requested_at.is_(None),
    )
    fresh = select(Transfer).where(Transfer.id.in_(row_ids), *idle, Transfer.retry_at.is_(None))
    rows = session.scalars(fresh.order_by(Transfer.created_at).with_for_update(skip_locked=True)).all()
    lease = db_now(get_settings().lease_s)
    session.execute(
        update(Transfer)
        .where(Transfer.id.in_([row.id for row in rows]))
        .values(
            claim=Transfer.claim + 1,
            worker=worker,
            state=TransferState.TRANSFERRING,
            reason="",
            fault=None,
            updated_at=utc_now(),
            leftovers=True,
            lease_until=lease,
            next_send_at=lease,
        )
        .execution_options(synchronize_session=False)
    )
    taken = [(Claim(row.id, row.claim + 1, row.attempt, repeated=row.failures > 0), row) for row in rows]
    _record(session, [claim for claim, _ in taken], worker, TransferState.ACCEPTED)
    return taken


def complete_group(session: Session, done: Mapping[Claim, int], worker: str) -> set[Claim]:
    """Record the claimed transfers of which so many bytes have arrived; return those to come back for.

    That are the ones whose row somebody holds at this moment. What has been recorded before, or is another
    worker's by now, is left as it is.
    """
    open_ones = Transfer.id.in_([each.id for each in done]), Transfer.state == TransferState.TRANSFERRING
    look = select(Transfer.id, Transfer.claim).where(*open_ones)
    locked = {(row_id, number) for row_id, number in session.execute(look.with_for_update(skip_locked=True))}
    seen = {(row_id, number) for row_id, number in session.execute(look)}
    _write(session, {each: done[each] for each in done if (each.id, each.number) in locked}, worker)
    return {each for each in done if (each.id, each.number) in seen - locked}


def _write(session: Session, ended: Mapping[Claim, int], worker: str) -> None:
    if not ended:
        return
    now = utc_now()
    session.connection().execute(
        update(Transfer)
        .where(Transfer.id == bindparam("row_id"))
        .values(
            bytes_done=bindparam("moved"),
            bytes_total=bindparam("moved"),
            credentials=None,
            leftovers=False,
            state=TransferState.COMPLETED,
            reason="",
            fault=None,
            updated_at=now,
            ended_at=now,
            lease_until=None,
            retry_at=None,
            next_send_at=None,
        ),
        [{"row_id": claim.id, "moved": moved} for claim, moved in ended.items()],
    )
    _record(session, list(ended), worker, TransferState.TRANSFERRING)


def _record(session: Session, claims: Sequence[Claim], worker: str, before: TransferState) -> None:
    """Write down for each, as `history` does for one, that it has taken its next step."""
    same = {"from_state": str(before), "to_state": str(_NEXT[before]), "worker": worker, "reason": ""}
    if claims:
        told = [{"work_id": each.id, "attempt": each.attempt, "claim": each.number} for each in claims]
        session.execute(insert(Event), [row | same for row in told])
