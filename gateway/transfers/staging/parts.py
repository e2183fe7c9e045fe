"""The threads that move the parts of a file; the first lasting error stops all of them."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TypeVar

from gateway.egress.threads import POLL_S, run_in_thread
from gateway.errors import StorageBusy, StorageChanged, StorageSlow, StorageUnavailable
from gateway.transfers.staging.part_queue import Part, PartQueue

TRIES = 5  # of a part while no part makes progress; then the transfer is put off
FIRST_PAUSE_S = 0.2
LEAVE_S = 3.0  # for threads that may be writing to a file
LONGEST_RUN = 16  # parts that one request asks for at most, of a store that counts requests
CALM_S = 5.0  # without a refusal, before requests become shorter again


class Stopped(Exception):
    """The runner was told to stop."""


Result = TypeVar("Result")
Work = Callable[[Part, Callable[[], None]], None]


def run_with_retries(work: Callable[[], Result], watch: Callable[[], None]) -> Result:
    """Do a small work in this thread, and again after errors that pass, a few times."""
    for tries in count(1):
        try:
            return work()
        except (StorageChanged, StorageSlow):
            raise
        except StorageUnavailable:
            if tries == TRIES:
                raise
        end = time.monotonic() + _retry_delay_s(tries)
        while (left := end - time.monotonic()) > 0:
            watch()
            time.sleep(min(POLL_S, left))
    raise AssertionError  # the last try has returned or raised


class PartRunner:
    """Threads that move parts. `work` moves one part, and calls the check that it is given after every step.

    A part that fails for the moment is put back and tried again; a slow server ends the try when no part
    moves more than `least_bytes` meanwhile. A store that is too busy is asked by half
    of the threads from then on, and by one more for every part that it serves; the others wait. Where parts
    can be joined, a request asks for one more of them after every refusal, and for one less after every
    answer when there was no refusal for a while.
    """

    def __init__(
        self,
        parts: PartQueue,
        size: int,
        work: Work,
        cut: Callable[[], None],
        *,
        longest_run: int = 1,
        least_bytes: int = 1,
    ) -> None:
        self._parts, self._least_bytes = parts, least_bytes
        self._size = self._busy = max(1, min(size, parts.left))
        self._work, self._cut = work, cut
        self._allowed, self._refused_at = float(self._size), 0.0
        self._run_length, self._longest_run = 1, longest_run
        self._error: BaseException | None = None
        self._stopping, self._wake, self._changed = (
            threading.Event(),
            threading.Event(),
            threading.Condition(),
        )

    def run(self, watch: Callable[[], None], step: Callable[[], bool] = lambda: False) -> None:
        """Return when all parts are done, or raise the error that stopped them.

        The calling thread does `step` as long as that returns True, and `watch` in between; an exception
        of either stops the threads, also those that wait for a silent store.
        """
        for rank in range(self._size):
            run_in_thread(partial(self._run_thread, rank))
        try:
            while self._busy and self._error is None:
                watch()
                if not step():
                    self._wake.wait(POLL_S)
                    self._wake.clear()
            if self._error is not None:
                raise self._error
        finally:
            self._stop_threads()

    def _stop_threads(self) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._busy:
            self._cut()
        end = time.monotonic() + LEAVE_S
        while self._busy and (left := end - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _run_thread(self, rank: int) -> None:
        try:
            while (part := self._take_part(rank)) is not None:
                self._move(part)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised again by the thread that called run
            self._error = self._error or error
        finally:
            with self._changed:
                self._busy -= 1
            self._wake.set()

    def _take_part(self, rank: int) -> Part | None:
        """Return the next part once this thread may send a request; None when all parts are finished."""
        with self._changed:
            while self._parts.left:
                self._check()
                if rank < self._allowed and (part := self._parts.take(self._run_length, self._size)):
                    return part
                self._changed.wait(POLL_S)
        return None

    def _move(self, part: Part) -> None:
        if not part.tries:
            part.mark = self._parts.count_reached()
        try:
            self._check()
            self._work(part, self._check)
        except StorageChanged:
            raise
        except StorageUnavailable as error:
            self._check()  # a connection that was cut on purpose is no error
            have_moved = self._have_moved(part)
            part.tries = 1 if have_moved else part.tries + 1
            if part.tries >= TRIES or (isinstance(error, StorageSlow) and not have_moved):
                raise
            self._put_back(part, busy=isinstance(error, StorageBusy))
            return
        self._parts.finish(part)
        with self._changed:
            self._allowed = min(self._size, self._allowed + 1)
            if time.monotonic() > self._refused_at + CALM_S:
                self._run_length = max(1, self._run_length - 1)
            self._changed.notify_all()
        self._wake.set()

    def _have_moved(self, part: Part) -> bool:
        """Return whether enough bytes of all parts have moved since its tries were counted anew."""
        reached = self._parts.count_reached()
        has_moved = reached - part.mark >= self._least_bytes
        part.mark = reached if has_moved else part.mark
        return has_moved

    def _put_back(self, part: Part, *, busy: bool) -> None:
        """Make the part the next one, after a pause; after a refusal fewer threads may send requests."""
        if busy:
            with self._changed:
                self._allowed = max(1.0, self._allowed / 2)
                self._run_length = min(self._longest_run, self._run_length + 1)
                self._refused_at = time.monotonic()
        self._pause(_retry_delay_s(part.tries))
        with self._changed:
            self._parts.put_back(part)
            self._changed.notify_all()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped


def _retry_delay_s(tries: int) -> float:
    """Return how long to wait after so many failures."""
    return FIRST_PAUSE_S * float(2**tries) * random.uniform(0.5, 1.0)  # noqa: S311  jitter
