"""A few threads that work off the parts of one transfer; the first error stops all of them."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.errors import StorageBusy, StorageChanged, StorageUnavailable
from gateway.staging.hands import lend_a_hand

TRIES = 5  # of a part without a byte of progress; then the whole transfer is put off
FIRST_PAUSE_S = 0.2
POLL_S = 0.1
LEAVE_S = 3.0


class Stopped(Exception):
    """The crew was told to stop."""


@dataclass(eq=False)
class Part:
    """A piece of the bytes, from `start` up to before `stop`; None is the end, wherever that may be."""

    number: int
    start: int
    stop: int | None
    done: int = 0
    under_way: int = 0  # of a part that counts only when all of it is stored
    finished: bool = False


Work = Callable[[Part, Callable[[], None]], None]
Result = TypeVar("Result")


def attended(act: Callable[[], Result], cut: Callable[[], None], watch: Callable[[], None]) -> Result:
    """Do something in another thread, so that a cancel need not wait for a store that is silent."""
    results: list[Result] = []

    def work(_: Part, __: Callable[[], None]) -> None:
        results.append(act())

    Crew([Part(1, 0, None)], 1, work, cut, tries=1).run(watch)
    return results[0]


class Crew:
    """Threads over parts. `work` moves one part, and calls the check that it is given after every step.

    A part that fails for the moment is tried again. A store that is too busy gets half of the threads,
    and one more for every part that it serves then.
    """

    def __init__(
        self, parts: Iterable[Part], size: int, work: Work, cut: Callable[[], None], tries: int = TRIES
    ) -> None:
        self._todo, self._tries = deque(parts), tries
        self._size = self._busy = max(1, min(size, len(self._todo)))
        self._work, self._cut = work, cut
        self._allowed = float(self._size)
        self._error: BaseException | None = None
        self._stopping, self._wake, self._lock = threading.Event(), threading.Event(), threading.Lock()

    def run(self, watch: Callable[[], None], step: Callable[[], bool] = lambda: False) -> None:
        """Return when all parts are done, or raise what stopped them.

        The calling thread does `step` as long as that returns True, and `watch` in between; an exception
        of either stops the crew, also where it waits for a store that does not answer.
        """
        for rank in range(self._size):
            lend_a_hand(partial(self._serve, rank))
        try:
            while self._busy and self._error is None:
                watch()
                if not step():
                    self._wake.wait(POLL_S)
                    self._wake.clear()
            if self._error is not None:
                raise self._error
        finally:
            self._dismiss()

    def _dismiss(self) -> None:
        self._stopping.set()
        if self._busy:
            self._cut()
        end = time.monotonic() + LEAVE_S
        while self._busy and (left := end - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _serve(self, rank: int) -> None:
        try:
            while (part := self._next(rank)) is not None:
                self._finish(part)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised again by the thread that runs the crew
            self._error = self._error or error
        finally:
            with self._lock:
                self._busy -= 1
            self._wake.set()

    def _next(self, rank: int) -> Part | None:
        """Return the next part, when this thread is one of those that may work now."""
        while self._todo:
            if rank < self._allowed:
                with self._lock:
                    return self._todo.popleft() if self._todo else None
            self._pause(POLL_S)
        return None

    def _finish(self, part: Part) -> None:
        tries, before = 0, part.done
        while not part.finished:
            try:
                self._check()
                self._work(part, self._check)
                part.finished = True
            except StorageChanged:
                raise
            except StorageUnavailable as error:
                self._check()  # a connection that we cut ourselves is no error
                tries = 0 if part.done > before else tries + 1
                before = part.done
                if tries >= self._tries:
                    raise
                self._slow_down(busy=isinstance(error, StorageBusy))
                self._pause(FIRST_PAUSE_S * 2**tries * random.uniform(0.5, 1.0))  # noqa: S311  jitter
        with self._lock:
            self._allowed = min(self._size, self._allowed + 1)
        self._wake.set()

    def _slow_down(self, *, busy: bool) -> None:
        if busy:
            with self._lock:
                self._allowed = max(1.0, self._allowed / 2)

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped
