"""Supervision of child processes: they are stopped together, and no process is left."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gateway.forks import Fork, detach, request_parent_death_signal, signals_held

STOP_S = 15.0
_POLL_S = 0.1


class Child(Protocol):
    """The methods of a child process that supervision needs, as subprocess.Popen has them."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit status once it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raise TimeoutExpired or TimeoutError while it runs on."""

    def terminate(self) -> None:
        """Send SIGTERM."""


class Supervisor:
    """Child processes by name, each in its own process group, stopped in reverse order at the block's end.

    Their output goes to `<logs>/<name>.log`, or to this process's output without a folder for logs.
    """

    def __init__(self, logs: Path | None = None) -> None:
        self._logs = logs
        self._children: dict[str, Child] = {}
        self._patience_s: dict[str, float] = {}

    def start(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        patience_s: float = STOP_S,
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start a child in `/` with `env` or this process's own; it inherits the descriptors.

        `patience_s` lies between SIGTERM and SIGKILL.
        """
        self._patience_s[name] = patience_s
        log = (self._logs / f"{name}.log").open("ab") if self._logs else None
        self._children[name] = subprocess.Popen(
            argv,
            env=env,
            cwd="/",
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            process_group=0,
            preexec_fn=request_parent_death_signal,  # noqa: PLW1509  one libc call that allocates nothing
        )
        if log:
            log.close()

    def fork(self, name: str, patience_s: float = STOP_S) -> bool:
        """Fork this process; return True in the fork, which supervises nothing."""
        parent = os.getpid()
        with signals_held():
            if not (pid := os.fork()):
                self._children.clear()
                detach(name, parent)
                return True
        self._patience_s[name] = patience_s
        self._children[name] = Fork(pid)
        return False

    def pid(self, name: str) -> int:
        """Return the process id of a child."""
        return self._children[name].pid

    def hand_over(self, name: str) -> Child:
        """Return a child and stop supervising it: the caller ends it, and its name is free again."""
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
        """Stop all children, the last started first: SIGTERM, then SIGKILL for the rest of its group."""
        self.stop_some(list(reversed(self._children)))

    def stop_some(self, names: Sequence[str]) -> None:
        """Stop these children one after the other, and forget them."""
        for name in names:
            child = self._children[name]
            if child.poll() is None:
                child.terminate()
                with suppress(subprocess.TimeoutExpired, TimeoutError):
                    child.wait(self._patience_s[name])
            _kill_group(child.pid)
            child.wait()
            del self._children[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
