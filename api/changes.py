"""Changes of rows: one look of this process at the new events wakes all requests that wait for a row.

Once a second all rows that are waited for are compared as well: progress and reasons change without an event,
and an event may be held back by an older transaction that is still open.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from gateway.events.cursor import changed_rows
from gateway.events.following import follow_events
from gateway.settings import get_settings

MOST_AT_ONCE = 1000
COMPARE_S = 1.0
Load = Callable[[list[UUID]], Mapping[UUID, Any]]
_log = logging.getLogger(__name__)


class Waiter:
    """A request that waits for a row to change, until its time is over or its client has hung up."""

    def __init__(self, load: Load, row_id: UUID, owner: str) -> None:
        self.load, self.row_id, self.owner = load, row_id, owner
        self.is_over = False
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Let the request look at its row."""
        self._changed.set()

    def end(self, *_: object) -> None:
        """Let the request look at its row for the last time."""
        self.is_over = True
        self._changed.set()

    async def changed(self) -> None:
        """Wait until the row may have changed, or the wait is over."""
        await self._changed.wait()
        self._changed.clear()

    @contextmanager
    def limited(self, seconds: float, hang_up: Coroutine[Any, Any, None]) -> Iterator[None]:
        """End the wait after so many seconds, or when the client hangs up."""
        timer = asyncio.get_running_loop().call_later(seconds, self.end)
        watch = asyncio.create_task(hang_up)
        watch.add_done_callback(self.end)
        try:
            yield
        finally:
            timer.cancel()
            watch.cancel()


class Changes:
    """All waiting requests of this process, and the task that looks for them while there are any.

    Where there are too many, the longest wait of the owner with the most of them ends for that of another.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._waiters: dict[UUID, set[Waiter]] = {}
        self._by_owner: dict[str, dict[Waiter, None]] = {}  # the longest wait first
        self._seen: dict[UUID, Any] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def number(self) -> int:
        """The number of requests that wait."""
        return sum(map(len, self._by_owner.values()))

    @contextmanager
    def waiter(self, load: Load, row_id: UUID, owner: str) -> Iterator[Waiter | None]:
        """Hold a place for a request that waits; None beyond the limit, and when the service stops."""
        if self.is_closed or not self._has_place(owner):
            yield None
            return
        waiter = Waiter(load, row_id, owner)
        self._waiters.setdefault(row_id, set()).add(waiter)
        self._by_owner.setdefault(owner, {})[waiter] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield waiter
        finally:
            self._leave(waiter)

    def open(self) -> None:
        """Admit requests that wait."""
        self.is_closed = False

    def close(self) -> None:
        """End every wait, as the service stops."""
        self.is_closed = True
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            waiter.end()

    def _has_place(self, owner: str) -> bool:
        """Tell whether there is a place, if need be that of an owner with more of them."""
        if self.number < get_settings().waiters:
            return True
        most = max(self._by_owner.values(), key=len, default={})
        if len(most) <= len(self._by_owner.get(owner, ())) + 1:
            return False
        longest = next(iter(most))
        longest.end()
        self._free(longest)
        return True

    def _free(self, waiter: Waiter) -> None:
        mine = self._by_owner.get(waiter.owner, {})
        mine.pop(waiter, None)
        if not mine:
            self._by_owner.pop(waiter.owner, None)

    def _leave(self, waiter: Waiter) -> None:
        self._free(waiter)
        others = self._waiters[waiter.row_id]
        others.discard(waiter)
        if not others:
            del self._waiters[waiter.row_id]
            self._seen.pop(waiter.row_id, None)

    def _wake(self, row_ids: Sequence[UUID]) -> None:
        for row_id in row_ids:
            for waiter in self._waiters.get(row_id, ()):
                waiter.wake()

    async def _follow(self) -> None:
        """Wake the requests of changed rows, and compare all rows once a second, while there are waiters."""
        compared = 0.0
        async with aclosing(follow_events(changed_rows, lambda: bool(self._waiters))) as looks:
            async for look in looks:
                self._wake(look.found)
                if time.monotonic() - compared >= COMPARE_S:
                    await self._compare()
                    compared = time.monotonic()

    async def _compare(self) -> None:
        """Read all rows that are waited for, and wake the requests of those that differ from before."""
        by_load: dict[Load, list[UUID]] = {}
        for waiters in self._waiters.values():
            for load, row_id in {(waiter.load, waiter.row_id) for waiter in waiters}:
                by_load.setdefault(load, []).append(row_id)
        for load, row_ids in by_load.items():
            for start in range(0, len(row_ids), MOST_AT_ONCE):
                await self._compare_some(load, row_ids[start : start + MOST_AT_ONCE])

    async def _compare_some(self, load: Load, row_ids: list[UUID]) -> None:
        rows = await self._try(load, row_ids)
        if rows is None:
            return
        for row_id in row_ids:
            if row_id in self._waiters and self._seen.get(row_id, ()) != rows.get(row_id):
                self._seen[row_id] = rows.get(row_id)
                self._wake([row_id])

    async def _try(self, look: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a look at the database, or None while it is away."""
        try:
            return await run_in_threadpool(look, *arguments)
        except SQLAlchemyError as error:
            _log.warning("no look at the rows that are waited for: %s", type(error).__name__)
            return None


changes = Changes()
