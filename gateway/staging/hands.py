"""Threads that are kept for the next crew: to start one costs as much as a fifth of a small object."""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


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


def lend_a_hand(task: Task) -> None:
    """Begin the task in a thread of its own, at once, and do not wait for it."""
    try:
        hand = _idle.pop()
    except IndexError:
        hand = _Hand()
    hand.tasks.put(task)
