"""The delivery of webhooks, `workers.webhooks:deliver_webhooks`: a process beside the workers of clusters.

It holds a lease: a second process waits. One task inserts the deliveries of new events, one sends those that
are due, in threads; an owner and a host have a bounded number of these at once.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway import leases
from gateway.db import session_scope
from gateway.events.cursor import changed_rows
from gateway.events.following import follow_events
from gateway.events.webhooks.deliveries import prune_deliveries
from gateway.events.webhooks.due import WebhookMessage, find_due, is_any_due
from gateway.events.webhooks.filling import fill_deliveries
from gateway.events.webhooks.health import LEASE, LEASE_S
from gateway.events.webhooks.outcomes import record_outcome
from gateway.events.webhooks.sending import send_message
from gateway.logs import configure_logging
from gateway.settings import get_settings
from workers.webhook_lanes import MOST_AT_ONCE, WebhookLanes

RENEW_S = 1.5
LOOK_S = 1.0  # for retries that become due
SOON_S = 0.2  # for messages that wait for a place
PRUNE_S = 600.0
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class WebhookSender:
    """The tasks of the process; each goes on after an error of the database."""

    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._lanes = WebhookLanes()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="webhooks")
        self._stop, self._wake = asyncio.Event(), asyncio.Event()
        self._held_until, self._is_behind, self._pruned_at = 0.0, True, 0.0
        self._sending: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Take no more messages; those that are being sent end first."""
        self._stop.set()
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            for step in (self._keep_lease, self._fill, self._deliver):
                tasks.create_task(step())
        if self._sending:
            await asyncio.wait(self._sending)
        self._threads.shutdown()
        with suppress(SQLAlchemyError):
            await asyncio.to_thread(_release, self._holder)

    @property
    def _holds_lease(self) -> bool:
        return time.monotonic() < self._held_until

    async def _keep_lease(self) -> None:
        while not self._stop.is_set():
            before = time.monotonic()
            if await _unless_away(_acquire, self._holder):
                if not self._holds_lease:
                    self._is_behind = True
                self._held_until = before + LEASE_S
                self._wake.set()
                await self._prune_when_due()
            await _wait(self._stop, RENEW_S)

    async def _prune_when_due(self) -> None:
        if time.monotonic() - self._pruned_at >= PRUNE_S and await _unless_away(_prune):
            self._pruned_at = time.monotonic()

    async def _fill(self) -> None:
        """Insert the deliveries of new events as they are committed."""
        async with aclosing(follow_events(changed_rows, lambda: not self._stop.is_set())) as looks:
            async for look in looks:
                self._is_behind = self._is_behind or bool(look.found)
                if self._is_behind and self._holds_lease and await _unless_away(_fill_all):
                    self._is_behind = False
                    self._wake.set()

    async def _deliver(self) -> None:
        """Send the due deliveries, as far as there are places."""
        while not self._stop.is_set():
            self._wake.clear()
            due = (await _unless_away(_take_due, self._lanes.busy) or []) if self._holds_lease else []
            started = [message for message in self._lanes.in_turn(due) if self._start(message)]
            await _wait(self._wake, LOOK_S if len(started) == len(due) else SOON_S)

    def _start(self, message: WebhookMessage) -> bool:
        if not self._lanes.enter(message):
            return False
        task = asyncio.create_task(self._send(message))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    async def _send(self, message: WebhookMessage) -> None:
        loop, is_answered = asyncio.get_running_loop(), False
        try:
            is_answered = await loop.run_in_executor(self._threads, _send_and_record, message)
        except Exception:  # noqa: BLE001  an error that one message meets must not end the delivery of others
            _log.exception("webhook message %s: unexpected error", message.id)
        finally:
            self._lanes.leave(message, is_answered=is_answered)
            self._wake.set()


def _send_and_record(message: WebhookMessage) -> bool:
    """Send a message and record its outcome; return whether the receiver has answered."""
    outcome = send_message(message)
    _log.info("webhook message %s: %s", message.id, outcome.status or outcome.reason)
    with session_scope() as session:
        record_outcome(session, message, outcome)
    return outcome.status is not None


def _take_due(busy: frozenset[int]) -> list[WebhookMessage]:
    with session_scope(read_only=True) as session:
        if not is_any_due(session):
            return []
    with session_scope() as session:
        return find_due(session, busy)


def _fill_all() -> bool:
    is_more = True
    while is_more:
        with session_scope() as session:
            is_more = fill_deliveries(session)
    return True


def _prune() -> bool:
    deleted = 1
    while deleted:
        with session_scope() as session:
            deleted = prune_deliveries(session)
    return True


def _acquire(holder: str) -> bool:
    with session_scope() as session:
        return leases.acquire_lease(session, LEASE, holder, LEASE_S)


def _release(holder: str) -> None:
    with session_scope() as session:
        leases.release_lease(session, LEASE, holder)


async def _unless_away(call: Callable[..., Result], *arguments: Any) -> Result | None:
    """Return the result of a call in a thread, or None while the database is away."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except SQLAlchemyError as error:
        _log.warning("webhooks wait for the database: %s", type(error).__name__)
    except Exception:  # noqa: BLE001  a bug that one row meets must not end the delivery of all others
        _log.exception("webhooks: unexpected error")
    return None


async def _wait(event: asyncio.Event, longest_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await event.wait()


async def _deliver_until_stopped() -> None:
    sender, loop = WebhookSender(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, sender.stop)
    await sender.run()


async def _wait_until_stopped() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def deliver_webhooks() -> None:
    """Deliver webhooks until SIGTERM; where they are switched off, do nothing until then."""
    configure_logging()
    if get_settings().webhooks:
        asyncio.run(_deliver_until_stopped())
        return
    _log.info("webhooks are switched off (GATEWAY_WEBHOOKS=false): nothing is delivered")
    asyncio.run(_wait_until_stopped())
