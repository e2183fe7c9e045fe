"""Batches: one thread takes all items that wait for a blocking call, and gives each its own result.

There is no timer: an item that waits alone is taken at once, and a batch is whatever has come in while the
batch before it ran.
"""

import threading
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from gateway.errors import Unavailable

MOST_WAITING = 1000
MOST_AT_ONCE = 128
Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Sequence[Item]], Sequence[Result | Exception]]
_started: list["Batches"] = []  # type: ignore[type-arg]  # of any kind


class Batches(Generic[Item, Result]):
    """The items that wait for `run`, which returns a result or an error for each item of a batch."""

    def __init__(self, name: str, run: Run[Item, Result], most_waiting: int = MOST_WAITING) -> None:
        self._name, self._run, self._most_waiting = name, run, most_waiting
        self._waiting = SimpleQueue[tuple[Item, Future[Result]] | None]()
        self._thread: threading.Thread | None = None

    async def result_of(self, item: Item) -> Result:
        """Return the result of the item, or raise its error; Unavailable while too many items wait."""
        if self._waiting.qsize() >= self._most_waiting:
            raise Unavailable(f"{self._most_waiting} requests wait for the database already: try again")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
            _started.append(self)
        future: Future[Result] = get_running_loop().create_future()
        self._waiting.put((item, future))
        return await future

    def drain(self) -> None:
        """Run all items that wait, and end the thread; the next item starts another."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while first := self._waiting.get():
            batch = [first]
            is_last = self._take_more(batch)
            self._run_batch(batch)
            if is_last:
                return

    def _take_more(self, batch: list[tuple[Item, Future[Result]]]) -> bool:
        """Add the items that wait, and return whether the thread has to end after them."""
        with suppress(Empty):
            while len(batch) < MOST_AT_ONCE:
                following = self._waiting.get_nowait()
                if following is None:
                    return True
                batch.append(following)
        return False

    def _run_batch(self, batch: list[tuple[Item, Future[Result]]]) -> None:
        items, futures = zip(*batch, strict=True)
        results: Sequence[Result | Exception]
        try:
            results = self._run(items)
        except Exception as error:  # noqa: BLE001  it is raised where the items wait
            results = [error] * len(items)
        loops: dict[AbstractEventLoop, list[tuple[Future[Result], Result | Exception]]] = {}
        for future, result in zip(futures, results, strict=True):
            loops.setdefault(future.get_loop(), []).append((future, result))
        for loop, settled in loops.items():
            with suppress(RuntimeError):  # the loop is closed: its requests are gone
                loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Iterable[tuple[Future[Result], Result | Exception]]) -> None:
    for future, result in settled:
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def drain_all() -> None:
    """Drain the batches of this process, at the end of its application."""
    while _started:
        _started.pop().drain()
