"""Turns: the owners of a cluster share its slots, those of transfers and those of jobs apart.

At most as many messages of an owner are published and unclaimed as there are slots; the owner's other rows
wait in the database (`turn_at`) until one of them is claimed or ends. A group of rows counts as one message.
A worker that gets a message of an owner who has its share already, while another owner waits below its
share, lets the row wait again. Counts may be stale by a few messages, and a process may die at any point:
the sweep publishes whatever fits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Select, String, and_, bindparam, case, func, select, update
from sqlalchemy.orm import Session, aliased

from gateway.clusters.heartbeats import count_slots
from gateway.db import db_now, due_in
from gateway.models import Job, Transfer
from gateway.work.grouping import FILES, group_messages, may_share
from gateway.work.outbox import Message, first_send, message_for, next_send, publish

Model = type[Transfer] | type[Job]


@dataclass(frozen=True)
class Load:
    """The messages of an owner: claimed ones, published unclaimed ones, claimed ones that cannot resume."""

    held: int = 0
    sent: int = 0
    fixed: int = 0


def enqueue(session: Session, row: Transfer | Job) -> None:
    """Publish the row's message with the commit, or let the row wait while its owner has no turn."""
    for column, value in first_send().items():
        setattr(row, column, value)
    if _count_free(session, type(row), row.infrastructure, row.owner) > 0:
        row.message_id, row.turn_at = row.id, None
        publish(session, message_for(row))
    else:
        line_up(row)


def give_turns(session: Session, rows: Iterable[Transfer | Job]) -> None:
    """Mark new rows that are published with the commit, by `message_id`, as far as the turns of owners allow.

    The turns of each owner are counted once.
    """
    free: dict[tuple[Model, str, str], int] = {}
    for row in rows:
        key = type(row), row.infrastructure, row.owner
        if key not in free:
            free[key] = _count_free(session, *key)
        if free[key] > 0:
            row.message_id = row.id
        free[key] -= 1


def line_up(row: Transfer | Job, since: datetime | None = None) -> None:
    """Let an unclaimed row wait for its owner's turn, behind those that have waited longer."""
    row.message_id = row.next_send_at = None
    row.turn_at = since or due_in(0)


def send_next(session: Session, model: Model, infrastructure: str, owner: str) -> None:
    """Publish the messages of the owner's next rows, as many as its turns allow."""
    waiting = _select_waiting(model, infrastructure, owner).with_only_columns(model.id)
    if session.scalar(waiting.limit(1)) is not None:
        publish(session, *take_next(session, model, infrastructure, owner))


def take_next(session: Session, model: Model, infrastructure: str, owner: str) -> list[Message]:
    """Return the messages of the owner's next rows, which count as published from now on."""
    free = _count_free(session, model, infrastructure, owner)
    if free <= 0:
        return []
    waiting = _select_waiting(model, infrastructure, owner).order_by(model.turn_at)
    rows = _lock_rows(session, waiting.limit(free))
    if any(map(may_share, rows)):
        rows = _lock_rows(session, waiting.limit(free * FILES))
    sends = {row.id: row.sends for row in rows}
    messages = group_messages(rows)[:free]
    for message in messages:
        _mark_sent(session, model, message, sends[message.id])
    return messages


def _lock_rows(session: Session, wanted: Select[Any]) -> Sequence[Transfer | Job]:
    return session.scalars(wanted.with_for_update(skip_locked=True)).all()


def _select_waiting(model: Model, infrastructure: str, owner: str) -> Select[Any]:
    mine = model.infrastructure == infrastructure, model.owner == owner
    return select(model).where(*mine, model.turn_at.is_not(None))


def _mark_sent(session: Session, model: Model, message: Message, sends: int) -> None:
    values = {"message_id": message.id, "turn_at": None, **next_send(sends)}
    sent = update(model).where(model.id.in_([message.id, *message.others])).values(values)
    session.execute(sent.execution_options(synchronize_session=False))


def owner_with_waiting_rows(session: Session, model: Model, row_id: UUID) -> tuple[str, str] | None:
    """Return cluster and owner of the row, or None when the owner has no row that waits for a turn there."""
    other = aliased(model)
    mine = other.infrastructure == model.infrastructure, other.owner == model.owner
    waits = select(other.id).where(*mine, other.turn_at.is_not(None)).exists()
    found = session.execute(
        select(model.infrastructure, model.owner).where(model.id == row_id, waits)
    ).first()
    return None if found is None else (found.infrastructure, found.owner)


def waiting_owners(session: Session, model: Model) -> list[tuple[str, str]]:
    """Return cluster and owner of the rows that wait for a turn."""
    found = select(model.infrastructure, model.owner).where(model.turn_at.is_not(None)).distinct()
    return [(infrastructure, owner) for infrastructure, owner in session.execute(found)]


def is_turn(session: Session, row: Transfer | Job) -> bool:
    """Tell whether a worker may claim the row now, or has to leave its slot to another owner."""
    slots, loads = load_cluster(session, type(row), row.infrastructure)
    if slots is None:
        return True
    mine = loads.setdefault(row.owner, Load())
    if not row.resumable and mine.fixed >= most_fixed(slots):
        return False
    share = count_share(slots, loads)
    return mine.held < share or not do_others_wait(loads, row.owner, share)


def do_others_wait(loads: Mapping[str, Load], owner: str, share: int) -> bool:
    """Tell whether another owner than this one waits below its share."""
    return any(load.sent and load.held < share for other, load in loads.items() if other != owner)


def count_share(slots: int, loads: Mapping[str, Load]) -> int:
    """Return the number of slots that each of the owners may keep while others wait."""
    return max(1, slots // len(loads))


def most_fixed(slots: int) -> int:
    """Return the most slots that an owner's work may hold which cannot be handed back: all but one."""
    return max(1, slots - 1)


def _count_free(session: Session, model: Model, infrastructure: str, owner: str) -> int:
    """Return how many messages more of the owner may be published: one in all while no worker is known."""
    values = {"infrastructure": infrastructure, "owner": owner}
    held, sent, _, slots = session.connection().execute(_select_load(model), values).one()
    if slots is None:
        return 1 - int(sent)
    room = slots if model.interruptible else most_fixed(slots) - held
    return int(room - sent)


@lru_cache
def _select_load(model: Model) -> Select[Any]:
    """Return the query of one owner's load; to make it takes ten times as long as to run it."""
    infrastructure = bindparam("infrastructure", type_=String)
    mine = published(model, infrastructure), model.owner == bindparam("owner", type_=String)
    return select(*_counts(model, infrastructure)).where(*mine)


def load_cluster(session: Session, model: Model, infrastructure: str) -> tuple[int | None, dict[str, Load]]:
    """Return the number of slots, None while no worker is known, and the load of each owner."""
    counts = select(model.owner, *_counts(model, infrastructure)).where(published(model, infrastructure))
    rows = session.execute(counts.group_by(model.owner)).all()
    loads = {owner: Load(held, sent, fixed) for owner, held, sent, fixed, _ in rows}
    return (rows[0][-1] if rows else None), loads


def published(model: Model, infrastructure: str | BindParameter[str]) -> Any:
    """Return the condition of a row whose message is published or claimed: it has a time of next sending."""
    is_open = and_(model.message_id.is_not(None), model.next_send_at.is_not(None))
    return and_(model.infrastructure == infrastructure, is_open)


def _counts(model: Model, infrastructure: str | BindParameter[str]) -> list[Any]:
    """Return the columns of a Load, in numbers of messages, and the number of slots."""
    leased = model.lease_until >= db_now()
    fixed = and_(leased, ~Transfer.resumable) if model is Transfer else leased
    slots = count_slots(infrastructure, moves_bytes=model.moves_bytes)
    return [
        func.count(case((leased, model.message_id)).distinct()),
        func.count(case((leased, None), else_=model.message_id).distinct()),
        func.count(case((fixed, model.message_id)).distinct()),
        slots.label("slots"),
    ]
