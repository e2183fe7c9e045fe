"""A few threads that work off the parts of one transfer; the first error that lasts stops all of them."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from gateway.egress.threads import run_in_thread
from gateway.errors import StorageBusy, StorageChanged, StorageUnavailable

TRIES = 5  # of a part without a byte of progress, of it or of any other; then the transfer is put off
FIRST_PAUSE_S = 0.2
POLL_S = 0.1
LEAVE_S = 3.0  # for those who may be writing to a file
LONGEST_RUN = 16  # parts that one request asks for at most, of a store that counts requests
CALM_S = 5.0  # without a refusal, before requests become shorter again


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
    tries: int = 0  # that failed while nothing moved
    done_besides: int = 0  # of all other parts, when its last try failed
    pieces: int = 1  # more of a part that has taken others over

    @property
    def reached(self) -> int:
        """How many bytes have moved at most."""
        return max(self.done, self.under_way)

    def take_over(self, neighbour: "Part") -> None:
        """Become longer by the part that begins where this one stops, of which an empty one is left."""
        self.stop, self.pieces = neighbour.stop, self.pieces + neighbour.pieces
        neighbour.start, neighbour.pieces, neighbour.finished = neighbour.stop or 0, 0, True


Work = Callable[[Part, Callable[[], None]], None]


def alone(work: Callable[[], None], watch: Callable[[], None]) -> None:
    """Do a small work in this thread, and again when it fails for the moment, but not for ever."""
    for tries in range(1, TRIES + 1):
        try:
            work()
        except StorageChanged:
            raise
        except StorageUnavailable:
            if tries == TRIES:
                raise
        else:
            return
        end = time.monotonic() + _pause_s(tries)
        while (left := end - time.monotonic()) > 0:
            watch()
            time.sleep(min(POLL_S, left))


class PartRunner:
    """Threads over parts. `work` moves one part, and calls the check that it is given after every step.

    A part that fails for the moment is put back and tried again. A store that is too busy is asked by half
    of the threads from then on, and by one more for every part that it serves; the others wait. Where parts
    can be joined, one more is asked for at once after every refusal, and one less after every answer when
    there was no refusal for a while.
    """

    def __init__(
        self,
        parts: Iterable[Part],
        size: int,
        work: Work,
        cut: Callable[[], None],
        longest_run: int = 1,
    ) -> None:
        self._parts = list(parts)
        self._todo, self._left = deque(self._parts), len(self._parts)
        self._size = self._busy = max(1, min(size, self._left))
        self._work, self._cut = work, cut
        self._allowed, self._refused_at = float(self._size), 0.0
        self._run, self._longest_run = 1, longest_run
        self._error: BaseException | None = None
        self._stopping, self._wake, self._turn = threading.Event(), threading.Event(), threading.Condition()

    def run(self, watch: Callable[[], None], step: Callable[[], bool] = lambda: False) -> None:
        """Return when all parts are done, or raise what stopped them.

        The calling thread does `step` as long as that returns True, and `watch` in between; an exception
        of either stops the crew, also where it waits for a store that does not answer.
        """
        for rank in range(self._size):
            run_in_thread(partial(self._serve, rank))
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
        with self._turn:
            self._turn.notify_all()
        if self._busy:
            self._cut()
        end = time.monotonic() + LEAVE_S
        while self._busy and (left := end - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _serve(self, rank: int) -> None:
        try:
            while (part := self._next(rank)) is not None:
                self._move(part)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised again by the thread that runs the crew
            self._error = self._error or error
        finally:
            with self._turn:
                self._busy -= 1
            self._wake.set()

    def _next(self, rank: int) -> Part | None:
        """Return the next part once this thread is one of those that may ask; None when all are finished."""
        with self._turn:
            while self._left:
                self._check()
                if self._todo and rank < self._allowed:
                    return self._joined(self._todo.popleft())
                self._turn.wait(POLL_S)
        return None

    def _joined(self, part: Part) -> Part:
        """Let the part take over some of those behind it: no more than a thread's share of what is to do."""
        most = min(self._run, -(-(len(self._todo) + 1) // self._size))
        while part.pieces < most and (neighbour := self._behind(part)):
            self._todo.remove(neighbour)
            part.take_over(neighbour)
            self._left -= 1
        return part

    def _behind(self, part: Part) -> Part | None:
        """Return the part that begins where this one stops, if nobody has begun it."""
        return next((each for each in self._todo if each.start == part.stop and not each.done), None)

    def _move(self, part: Part) -> None:
        before = part.done
        try:
            self._check()
            self._work(part, self._check)
        except StorageChanged:
            raise
        except StorageUnavailable as error:
            self._check()  # a connection that we cut ourselves is no error
            part.tries = 1 if part.done > before or self._others_move(part) else part.tries + 1
            if part.tries >= TRIES:
                raise
            self._put_back(part, busy=isinstance(error, StorageBusy))
            return
        part.finished = True
        with self._turn:
            self._left -= 1
            self._allowed = min(self._size, self._allowed + 1)
            if time.monotonic() > self._refused_at + CALM_S:
                self._run = max(1, self._run - 1)
            self._turn.notify_all()
        self._wake.set()

    def _others_move(self, part: Part) -> bool:
        """Tell whether any other part has come further since this one failed the last time."""
        besides = sum(each.reached for each in self._parts if each is not part)
        part.done_besides, before = besides, part.done_besides
        return besides > before

    def _put_back(self, part: Part, *, busy: bool) -> None:
        """Let the part be the next one, after a pause; who is to ask less waits for its turn again."""
        if busy:
            with self._turn:
                self._allowed = max(1.0, self._allowed / 2)
                self._run = min(self._longest_run, self._run + 1)
                self._refused_at = time.monotonic()
        self._pause(_pause_s(part.tries))
        with self._turn:
            self._todo.appendleft(part)
            self._turn.notify_all()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped


def _pause_s(tries: int) -> float:
    """Return how long to wait after so many failures."""
    return FIRST_PAUSE_S * float(2**tries) * random.uniform(0.5, 1.0)  # noqa: S311  jitter
