"""A set of child processes that live and die together, and leave nothing behind."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_S = 15.0
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.1
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the parent is gone, even if it was killed."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Children by name, each in a process group of its own, stopped in reverse order at the end of the block.

    Their output goes to `<logs>/<name>.log`, or where ours goes when there is no folder for logs.
    """

    def __init__(self, logs: Path | None = None) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._patience_s: dict[str, float] = {}

    def start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, patience_s: float = STOP_S
    ) -> None:
        """Start a child with the environment given, or ours; it has `patience_s` to end when it is asked."""
        self._patience_s[name] = patience_s
        log = (self._logs / f"{name}.log").open("ab") if self._logs else None
        self._children[name] = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            process_group=0,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  one libc call that allocates nothing
        )
        if log:
            log.close()

    def pid(self, name: str) -> int:
        """Return the process id of a child."""
        return self._children[name].pid

    def hand_over(self, name: str) -> subprocess.Popen[bytes]:
        """Give a child away: whoever takes it ends it, and its name is free for another."""
        return self._children.pop(name)

    def ended(self) -> tuple[str, int] | None:
        """Return a child that has ended and its exit status, or None while all of them run."""
        for name, child in self._children.items():
            if (status := child.poll()) is not None:
                return name, status
        return None

    def wait(self) -> tuple[str, int]:
        """Wait until a child has ended."""
        while (ended := self.ended()) is None:
            time.sleep(_POLL_S)
        return ended

    def stop(self) -> None:
        """Stop all children, the last started first: SIGTERM, and SIGKILL for what does not listen."""
        for name, child in reversed(self._children.items()):
            if child.poll() is None:
                child.terminate()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(self._patience_s[name])
            _kill_group(child.pid)
            child.wait()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
