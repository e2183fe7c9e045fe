"""Notifications of new events: LISTEN on a PostgreSQL connection of its own.

A notification is a hint to look sooner and never the only way: behind PgBouncer in transaction mode none
arrives, a connection may be lost, and SQLite has none.
"""

import asyncio
import logging
import time
from types import TracebackType
from typing import Any, Self

import psycopg
from sqlalchemy import Engine

CHANNEL = "gateway_events"
CONNECT_S = 3
RECONNECT_S = 5.0
_log = logging.getLogger(__name__)


class Listener:
    """A listener for new events; it connects, and connects again, when it waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._next_try = 0.0 if engine.dialect.name == "postgresql" else float("inf")

    async def __aenter__(self) -> Self:
        await self._connect_when_due()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._disconnect()

    @property
    def is_connected(self) -> bool:
        """Whether notifications may come."""
        return self._connection is not None

    async def wait(self, seconds: float) -> bool:
        """Wait for a notification; tell whether one came within that time."""
        await self._connect_when_due()
        if self._connection is None:
            await asyncio.sleep(seconds)
            return False
        try:
            return [each async for each in self._connection.notifies(timeout=seconds, stop_after=1)] != []
        except psycopg.Error as error:
            _log.warning("the notifications of events are lost: %s", type(error).__name__)
            await self._disconnect()
            return False

    async def _connect_when_due(self) -> None:
        if self._connection is not None or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + RECONNECT_S
        words, options = self._engine.dialect.create_connect_args(self._engine.url)
        options = {**options, "autocommit": True, "connect_timeout": CONNECT_S}
        try:
            self._connection = await psycopg.AsyncConnection.connect(*words, **options)
            await self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            _log.warning("no notifications of events: %s", type(error).__name__)
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
