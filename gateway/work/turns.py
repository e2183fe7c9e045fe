"""Turns: the owners of a cluster share its slots, those of transfers and those of jobs apart.

At most as many messages of an owner are published and unclaimed as there are slots; the owner's other rows
wait in the database (`turn_at`) until one of them is claimed or ends. A group of rows counts as one message.
A worker that gets a message of an owner with its share already, while another owner waits below its
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
from sqlalchemy.orm import Session

from gateway.clusters.heartbeats import count_slots
from gateway.commits import after_commit
from gateway.db import db_now, due_in, session_scope
from gateway.models import Job, Transfer
from gateway.work.grouping import ROWS, group_messages, may_share
from gateway.work.outbox import Message, first_send, message_for, next_send, publish

Model = type[Transfer] | type[Job]
Owner = tuple[Model, str, str]  # with the cluster, and the name


@dataclass(frozen=True)
class Load:
    """The messages of an owner: claimed ones, published unclaimed ones, claimed ones that cannot resume."""

    held: int = 0
    sent: int = 0
    fixed: int = 0


@dataclass(frozen=True)
class Allowance:
    """The messages that may still be published of an owner, and of them those that cannot resume."""

    messages: int
    fixed: int

    def has_room(self, row: Transfer | Job) -> bool:
        """Tell whether the row's message may be published."""
        return self.messages > 0 and (row.may_yield or self.fixed > 0)

    def without(self, row: Transfer | Job) -> "Allowance":
        """Return the rest beside the row's message."""
        return Allowance(self.messages - 1, self.fixed - (not row.may_yield))


def enqueue(session: Session, row: Transfer | Job) -> None:
    """Publish the row's message with the commit, or let the row wait while its owner has no turn."""
    for column, value in first_send().items():
        setattr(row, column, value)
    allowance, _ = _find_own_allowance(session, type(row), row.infrastructure, row.owner)
    if allowance.has_room(row):
        row.message_id, row.turn_at = row.id, None
        publish(session, message_for(row))
    else:
        line_up(row)
        after_commit(session, _send_missed, (type(row), row.infrastructure, row.owner))


def _send_missed(owners: Sequence[Owner]) -> None:
    """Publish rows that wait for a claim which was committed while they were: it has not seen them."""
    for model, infrastructure, owner in dict.fromkeys(owners):
        with session_scope(read_only=True) as session:
            allowance, sent = _find_own_allowance(session, model, infrastructure, owner)
        if allowance.messages > 0 and not sent:
            with session_scope() as session:
                send_next(session, model, infrastructure, owner)


def give_turns(session: Session, rows: Iterable[Transfer | Job]) -> None:
    """Mark new rows that are published with the commit, by `message_id`, as far as the turns of owners allow.

    A new job waits as well while another message of its owner is unclaimed: jobs that wait share a message.
    The turns of each owner are counted once.
    """
    found: dict[Owner, tuple[Allowance, int]] = {}
    for row in rows:
        owner = type(row), row.infrastructure, row.owner
        allowance, sent = found.get(owner) or _find_own_allowance(session, *owner)
        if allowance.has_room(row) and not (sent and isinstance(row, Job)):
            row.message_id = row.id
            allowance, sent = allowance.without(row), sent + 1
        else:
            after_commit(session, _send_missed, owner)
        found[owner] = allowance, sent


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
    allowance = _find_allowance(model, *load_cluster(session, model, infrastructure), owner)
    free = allowance.messages
    if free <= 0:
        return []
    waiting = _select_waiting(model, infrastructure, owner).order_by(model.turn_at)
    if allowance.fixed <= 0:  # never true of jobs here, all of which are fixed
        waiting = waiting.where(Transfer.may_yield)
    rows = _lock_rows(session, waiting.limit(free))
    if any(map(may_share, rows)):
        rows = _lock_rows(session, waiting.limit(free * ROWS))
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


def next_owner(session: Session, model: Model, row_id: UUID) -> tuple[str, str] | None:
    """Return the row's cluster, and the owner of rows that wait there: the row's own, else the longest."""
    place = select(model.infrastructure, model.owner).where(model.id == row_id)
    here = session.execute(place).one_or_none()
    if here is None:
        return None
    waiting = select(model.owner).where(
        model.infrastructure == here.infrastructure, model.turn_at.is_not(None)
    )
    owner = session.scalar(waiting.where(model.owner == here.owner).limit(1))
    owner = owner or session.scalar(waiting.order_by(model.turn_at).limit(1))
    return None if owner is None else (here.infrastructure, owner)


def waiting_owners(session: Session, model: Model) -> list[tuple[str, str]]:
    """Return cluster and owner of the rows that wait for a turn."""
    found = select(model.infrastructure, model.owner).where(model.turn_at.is_not(None)).distinct()
    return [(infrastructure, owner) for infrastructure, owner in session.execute(found)]


def idle_clusters(session: Session, model: Model) -> list[str]:
    """Return the clusters that have published messages and a slot that no work holds."""
    names = session.scalars(select(model.infrastructure).where(model.message_id.is_not(None)).distinct())
    return [name for name in names.all() if _has_idle_slot(*load_cluster(session, model, name))]


def _has_idle_slot(slots: int | None, loads: Mapping[str, Load]) -> bool:
    return slots is not None and sum(load.held for load in loads.values()) < slots


def is_turn(session: Session, row: Transfer | Job) -> bool:
    """Tell whether a worker may claim the row now, or has to leave its slot to another owner."""
    slots, loads = load_cluster(session, type(row), row.infrastructure)
    if slots is None:
        return True
    if not row.may_yield and loads.get(row.owner, Load()).fixed >= most_fixed(slots):
        return False
    return not _leaves_slots(slots, loads, row.owner)


def _leaves_slots(slots: int, loads: Mapping[str, Load], owner: str) -> bool:
    """Tell whether the owner has its share already while another owner waits below its share."""
    mine = loads.get(owner, Load())
    share = count_share(slots, {**loads, owner: mine})
    return mine.held >= share and do_others_wait(loads, owner, share)


def do_others_wait(loads: Mapping[str, Load], owner: str, share: int) -> bool:
    """Tell whether another owner than this one waits below its share."""
    return any(load.sent and load.held < share for other, load in loads.items() if other != owner)


def count_share(slots: int, loads: Mapping[str, Load]) -> int:
    """Return the number of slots that each of the owners may keep while others wait."""
    return max(1, slots // len(loads))


def most_fixed(slots: int) -> int:
    """Return the most slots that an owner's work may hold which cannot be handed back: all but one."""
    return max(1, slots - 1)


def _find_allowance(model: Model, slots: int | None, loads: Mapping[str, Load], owner: str) -> Allowance:
    """Return how much more of the owner may be published, without rows that a worker would refuse.

    While no worker is known, one message is published in all.
    """
    mine = loads.get(owner, Load())
    if slots is None:
        return Allowance(1 - mine.sent, 1)
    if _leaves_slots(slots, loads, owner):
        return Allowance(0, 0)
    fixed = most_fixed(slots) - mine.fixed
    return Allowance((slots if model.interruptible else fixed) - mine.sent, fixed)


def _find_own_allowance(
    session: Session, model: Model, infrastructure: str, owner: str
) -> tuple[Allowance, int]:
    """Return the owner's allowance without a look at others, and its published messages."""
    values = {"infrastructure": infrastructure, "owner": owner}
    *counts, slots = session.connection().execute(_select_load(model), values).one()
    load = Load(*counts)
    return _find_allowance(model, slots, {owner: load}, owner), load.sent


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
    if rows:
        return rows[0][-1], loads
    return session.scalar(select(count_slots(infrastructure, moves_bytes=model.moves_bytes))), loads


def published(model: Model, infrastructure: str | BindParameter[str]) -> Any:
    """Return the condition of a row whose message is published or claimed: it has a time of next sending."""
    is_open = and_(model.message_id.is_not(None), model.next_send_at.is_not(None))
    return and_(model.infrastructure == infrastructure, is_open)


def _counts(model: Model, infrastructure: str | BindParameter[str]) -> list[Any]:
    """Return the columns of a Load, in numbers of messages, and the number of slots."""
    leased = model.lease_until >= db_now()
    fixed = and_(leased, ~Transfer.may_yield) if model is Transfer else leased
    unclaimed = model.lease_until.is_(None)  # the row of a dead worker waits for the sweep
    slots = count_slots(infrastructure, moves_bytes=model.moves_bytes)
    return [
        func.count(case((leased, model.message_id)).distinct()),
        func.count(case((unclaimed, model.message_id)).distinct()),
        func.count(case((fixed, model.message_id)).distinct()),
        slots.label("slots"),
    ]
