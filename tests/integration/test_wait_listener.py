"""Waiters without a listener: a connection for notifications that is lost, deaf or refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from gateway.events.listener import CHANNEL, Listener
from tests.polling import until
from tests.rows import new_job
from tests.waiters import LONG, Ask, cancel_job, waiting


def test_a_lost_notification_connection_is_made_again_and_changes_are_seen_meanwhile(
    ask: Ask, database: Engine
) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no notifications")
    for _ in range(2):
        row_id = new_job("fft")
        held = ask(f"/job/{row_id}", params=LONG)
        waiting()
        until("a connection listens", lambda: _end_listeners(database))
        cancel_job(row_id)
        assert held.result().json()["state"] == "cancelled"


def _end_listeners(database: Engine) -> int:
    listens = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
    with database.begin() as connection:
        return connection.scalar(text(listens)) or 0


def test_a_listener_that_hears_nothing_is_no_obstacle(
    ask: Ask, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a pooler of transactions LISTEN works and no notification ever comes."""
    monkeypatch.setattr("gateway.events.listener.CHANNEL", "another")
    for _ in range(3):
        row_id = new_job("fft")
        held = ask(f"/job/{row_id}", params=LONG)
        waiting()
        cancel_job(row_id)
        assert held.result().json()["state"] == "cancelled"


async def _heard(engine: Engine, act: Callable[[], Any]) -> bool:
    async with Listener(engine) as listener:
        await asyncio.to_thread(act)
        return await listener.wait(20.0)


def test_the_commit_of_an_event_notifies(database: Engine) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no notifications")
    assert asyncio.run(_heard(database, lambda: new_job("fft")))


def test_a_database_that_refuses_the_listener_is_looked_at(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("too many connections")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", refuse)

    async def wait() -> tuple[bool, bool]:
        async with Listener(database) as listener:
            return await listener.wait(0.01), listener.is_connected

    assert asyncio.run(wait()) == (False, False)
    assert CHANNEL
