"""Following of events: one loop that looks for new ones, at a notification or every `LOOK_S` without any."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.db import get_engine, reading
from gateway.events.cursor import Cursor, end_cursor
from gateway.events.listener import Listener

LOOK_S = 0.15
LONGEST_PAUSE_S = 1.0  # also where notifications come
MOST_AT_ONCE = 1000
Found = TypeVar("Found")
Read = Callable[[Connection, Cursor, int], tuple[Sequence[Found], Cursor]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventLook(Generic[Found]):
    """The result of one look: new events, and the cursor behind them; None while the database is away."""

    found: Sequence[Found]
    cursor: Cursor | None


async def follow_events(
    read: Read[Found], is_wanted: Callable[[], bool]
) -> AsyncGenerator[EventLook[Found], None]:
    """Yield each look, from the end of the events on, while they are wanted.

    A pause without a notification after which there are events distrusts the notifications.
    """
    cursor: Cursor | None = None
    is_trusted, is_notified = True, False
    async with Listener(get_engine()) as listener:
        while is_wanted():
            look = await asyncio.to_thread(_look, read, cursor)
            if look.cursor is not None:
                cursor = look.cursor
                is_trusted = is_notified or (is_trusted and not look.found)
            yield look
            if len(look.found) < MOST_AT_ONCE:
                is_hinted = is_trusted and listener.is_connected
                is_notified = await listener.wait(LONGEST_PAUSE_S if is_hinted else LOOK_S)


def _look(read: Read[Found], cursor: Cursor | None) -> EventLook[Found]:
    """Read the events behind the cursor; at first the end."""
    try:
        with reading() as connection:
            if cursor is None:
                return EventLook([], end_cursor(connection))
            return EventLook(*read(connection, cursor, MOST_AT_ONCE))
    except SQLAlchemyError as error:
        _log.warning("no look at new events: %s", type(error).__name__)
        return EventLook([], None)
