"""Reusable daemon threads for blocking calls that cannot be interrupted (DNS look-ups, FTP).

A caller that stops waiting leaves its thread behind, which serves again once the call has returned. To start
a thread costs as much as a fifth of a small object.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

POLL_S = 0.1
Task = Callable[[], None]
Result = TypeVar("Result")


class _TaskThread:
    """A thread that does one task after another; each task handles its own errors."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Task] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.tasks.get()()
            _idle.append(self)


_idle: list[_TaskThread] = []
os.register_at_fork(after_in_child=_idle.clear)  # a child has none of its parent's threads


def run_in_thread(task: Task) -> None:
    """Start the task in a thread of its own, and return at once."""
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _TaskThread()
    thread.tasks.put(task)


def wait_for_thread(call: Callable[[], Result], watch: Callable[[], None]) -> Result:
    """Return the result of a call in another thread; an exception of `watch` meanwhile ends the waiting."""
    future: Future[Result] = Future()
    run_in_thread(lambda: _settle(future, call))
    while not wait([future], POLL_S).done:
        watch()
    return future.result()


def _settle(future: "Future[Result]", call: Callable[[], Result]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
        future.set_exception(error)
