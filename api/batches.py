"""Batches: one thread takes all items that wait for a blocking call, and gives each its own result.

There is no timer: a batch holds the items of one turn of the event loop, and those that have come in while
the batch before it ran.
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
_TURN, _LAST = "a turn of the event loop", "the last one"
Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Sequence[Item]], Sequence[Result | Exception]]
_started: list["Batches"] = []  # type: ignore[type-arg]  # of any kind


class Batches(Generic[Item, Result]):
    """The items that wait for `run`, which returns a result or an error for each item of a batch."""

    def __init__(self, name: str, run: Run[Item, Result], most_waiting: int = MOST_WAITING) -> None:
        self._name, self._run, self._most_waiting = name, run, most_waiting
        self._waiting = SimpleQueue[tuple[Item, Future[Result]]]()
        self._turns = SimpleQueue[str]()
        self._thread: threading.Thread | None = None

    async def result_of(self, item: Item) -> Result:
        """Return the result of the item, or raise its error; Unavailable while too many items wait."""
        if self._waiting.qsize() >= self._most_waiting:
            raise Unavailable(f"{self._most_waiting} requests wait for the database already: try again")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
            _started.append(self)
        loop = get_running_loop()
        future: Future[Result] = loop.create_future()
        self._waiting.put((item, future))
        loop.call_soon(self._turns.put, _TURN)  # behind the requests that have arrived together
        return await future

    def drain(self) -> None:
        """Run all items that wait, and end the thread; the next item starts another."""
        if self._thread is not None:
            self._turns.put(_LAST)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._turns.get() == _LAST
            while batch := self._take():
                self._run_batch(batch)

    def _take(self) -> list[tuple[Item, Future[Result]]]:
        """Return the items that wait, as many as fit into a batch."""
        batch: list[tuple[Item, Future[Result]]] = []
        with suppress(Empty):
            while len(batch) < MOST_AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _run_batch(self, batch: list[tuple[Item, Future[Result]]]) -> None:
        items, futures = zip(*batch, strict=True)
        results: Sequence[Result | Exception]
        try:
            results = self._run(items)
        except Exception as error:  # noqa: BLE001  it is raised where the items wait
            results = [error] * len(items)
        settle(zip(futures, results, strict=True))


def settle(settled: Iterable[tuple[Future[Result], Result | Exception]]) -> None:
    """Give the futures their results or errors, from another thread than that of their event loop."""
    by_loop: dict[AbstractEventLoop, list[tuple[Future[Result], Result | Exception]]] = {}
    for future, result in settled:
        by_loop.setdefault(future.get_loop(), []).append((future, result))
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: its requests are gone
            loop.call_soon_threadsafe(_settle, of_loop)


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
