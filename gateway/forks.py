"""Forks of this process: child processes that begin with all modules that it has imported."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

_POLL_S = 0.01
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_NAME_BYTES = 15  # of the kernel's name of a process
_ENDING = (signal.SIGTERM, signal.SIGINT)
_libc = ctypes.CDLL(None)


class Fork:
    """A fork, seen by its parent; its methods are those of Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status once it has ended; that of a signal is negative."""
        if self._status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if ended else None
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raise TimeoutError after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"process {self.pid} runs on after {timeout} s")
            time.sleep(_POLL_S)
        return status

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold SIGTERM and SIGINT back: the parent's handlers must not run in a fork."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def request_parent_death_signal() -> None:
    """Request a SIGTERM from the kernel for the time when the parent has died."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def detach(name: str, parent: int) -> None:
    """Make this fork a process of its own: name, process group, default signals, no standard input."""
    request_parent_death_signal()
    if os.getppid() != parent:  # it died before
        os._exit(os.EX_UNAVAILABLE)
    _libc.prctl(_PR_SET_NAME, name.encode()[:_NAME_BYTES], 0, 0, 0)
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
