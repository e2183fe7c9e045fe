"""Threads for what nothing ends sooner: they are left behind when nobody waits any more, and used again.

To start one costs as much as a fifth of a small object.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

LOOK_S = 0.1
Task = Callable[[], None]
Result = TypeVar("Result")


class _Hand:
    """A thread that does one task after another, each of which sees to its own errors."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Task] = SimpleQueue()
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while True:
            self.tasks.get()()
            _idle.append(self)


_idle: list[_Hand] = []
os.register_at_fork(after_in_child=_idle.clear)  # threads stay behind in the parent


def run_in_thread(task: Task) -> None:
    """Begin the task in a thread of its own, at once, and do not wait for it."""
    try:
        hand = _idle.pop()
    except IndexError:
        hand = _Hand()
    hand.tasks.put(task)


def wait_for_thread(act: Callable[[], Result], watch: Callable[[], None]) -> Result:
    """Return what `act` does in another thread; what `watch` raises meanwhile ends the waiting."""
    found: Future[Result] = Future()
    run_in_thread(lambda: _settle(found, act))
    while not wait([found], LOOK_S).done:
        watch()
    return found.result()


def _settle(future: "Future[Result]", act: Callable[[], Result]) -> None:
    try:
        future.set_result(act())
    except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
        future.set_exception(error)
