"""The cursor over events in the order of commits: each reader sees every event once, and none too late.

On PostgreSQL the number of a sequence is no place in that order: 7 can be committed after 8 was read. So an
event also carries the number of its transaction, a reader takes them by (transaction, id), and it stops below
the oldest transaction that is still open: no event can appear below that any more. SQLite has one writer at
a time, and its ids are that order.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    cast,
    func,
    select,
    true,
    tuple_,
)

from gateway.errors import Invalid
from gateway.models import Event, PrunedEvents

_TEXT = re.compile("([0-9]{1,19})-([0-9]{1,19})")
_LARGEST = 2**63  # of the columns


@dataclass(frozen=True, order=True)
class Cursor:
    """The place behind one event in the order of commits; `str` gives the text for a client."""

    xid: int
    event_id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.event_id}"


START = Cursor(0, 0)
PLACE = (Event.xid, Event.id)


def parse_cursor(text: str) -> Cursor:
    """Return the cursor of a client's text, or raise Invalid."""
    place = _TEXT.fullmatch(text)
    numbers = [int(number) for number in place.groups()] if place else [_LARGEST]
    if max(numbers) >= _LARGEST:
        raise Invalid("use the id of an event of this service", field="Last-Event-ID")
    return Cursor(*numbers)


def end_cursor(connection: Connection) -> Cursor:
    """Return the cursor behind the newest event that can be read, whether it is still there or pruned."""
    newest = select(*PLACE).where(_is_settled(connection))
    row = connection.execute(newest.order_by(Event.xid.desc(), Event.id.desc()).limit(1)).first()
    return max(Cursor(*row) if row else START, _pruned(connection))


def changed_rows(connection: Connection, cursor: Cursor, limit: int) -> tuple[list[UUID], Cursor]:
    """Return the rows of the next events behind the cursor, and the cursor behind those."""
    behind = select(Event.work_id, *PLACE).where(is_behind(connection, cursor)).order_by(*PLACE)
    events = connection.execute(behind.limit(limit)).all()
    return [event.work_id for event in events], Cursor(*events[-1][1:]) if events else cursor


def is_behind(connection: Connection, cursor: Cursor) -> ColumnElement[bool]:
    """Return the condition that an event is behind the cursor and can be read."""
    return (tuple_(*PLACE) > tuple_(cursor.xid, cursor.event_id)) & _is_settled(connection)


def _is_settled(connection: Connection) -> ColumnElement[bool]:
    """Return the condition that every transaction up to the event's has ended."""
    if connection.dialect.name == "sqlite":
        return true()
    oldest_open = func.pg_snapshot_xmin(func.pg_current_snapshot())
    return Event.xid < cast(cast(oldest_open, Text), BigInteger)


def is_lost(connection: Connection, cursor: Cursor) -> bool:
    """Return whether prune has deleted events behind the cursor."""
    return cursor < _pruned(connection)


def _pruned(connection: Connection) -> Cursor:
    return Cursor(*connection.execute(select(PrunedEvents.xid, PrunedEvents.event_id)).one())
