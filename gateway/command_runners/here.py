"""The runner of commands on this machine: argument lists without a shell, in a fixed environment."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from gateway.command_runners.base import (
    LIMIT_BYTES,
    TIMEOUT_S,
    CommandOutputTooLarge,
    CommandResult,
    CommandsUnavailable,
    CommandTimedOut,
)

_CHUNK = 1 << 16
_AFTER_END_S = 1.0
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class HereRunner:
    """Runs programs in `/`; they see PATH, HOME and LANG, and the variables that are given."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {"PATH": DEFAULT_PATH, "HOME": str(Path.home()), "LANG": "C.UTF-8"}
        self._environment |= environment or {}

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        limit: int = LIMIT_BYTES,
    ) -> CommandResult:
        """Run the program in a session of its own; one that is cut short is killed with all its processes."""
        process = self._start(argv)
        try:
            stdout, stderr = _Exchange(process, stdin, time.monotonic() + timeout_s, limit).finish()
            return CommandResult(process.wait(), stdout, stderr)
        except TimeoutError:
            raise CommandTimedOut(f"{argv[0]} did not answer within {timeout_s:g} s") from None
        except OverflowError:
            raise CommandOutputTooLarge(f"{argv[0]} printed more than {limit:,} bytes") from None
        finally:
            _end(process)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                env=self._environment,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandsUnavailable(
                f"{argv[0]} cannot be run on this machine: {error.strerror}; install the scheduler's client"
                " commands here, or correct `path` of the cluster"
            ) from error


class _Exchange:
    """The bytes between this process and a program, under one deadline and one limit."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, deadline: float, limit: int) -> None:
        self._process, self._deadline, self._left = process, deadline, limit
        self._unsent = memoryview(stdin)
        self._has_ended = False
        self._selector = selectors.DefaultSelector()

    def finish(self) -> tuple[bytes, bytes]:
        """Send and receive until the program has ended; return its two outputs.

        A process that it leaves behind may keep the pipes open: it is waited for a moment only.
        """
        process, out, err = self._process, bytearray(), bytearray()
        ended = os.pidfd_open(process.pid)
        try:
            with self._selector:
                self._selector.register(ended, selectors.EVENT_READ, self._note_end)
                self._add(process.stdout, selectors.EVENT_READ, partial(self._receive, out))
                self._add(process.stderr, selectors.EVENT_READ, partial(self._receive, err))
                self._add(process.stdin, selectors.EVENT_WRITE, self._send)
                while len(self._selector.get_map()) > 0 and self._step():
                    pass
        finally:
            os.close(ended)
        return bytes(out), bytes(err)

    def _add(self, pipe: IO[bytes] | None, event: int, act: Callable[[int], bool]) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, event, act)

    def _step(self) -> bool:
        """Serve the ready pipes; return False at the end."""
        left = self._deadline - time.monotonic()
        ready = self._selector.select(left) if left > 0 else []
        if not ready and not self._has_ended:
            raise TimeoutError
        for key, _event in ready:
            if not key.data(key.fd):
                self._selector.unregister(key.fileobj)
                if key.fileobj is self._process.stdin:
                    self._process.stdin.close()
        return bool(ready)

    def _note_end(self, _descriptor: int) -> bool:
        self._has_ended = True
        self._deadline = min(self._deadline, time.monotonic() + _AFTER_END_S)
        return False

    def _send(self, descriptor: int) -> bool:
        if self._unsent:
            try:
                self._unsent = self._unsent[os.write(descriptor, self._unsent[:_CHUNK]) :]
            except BrokenPipeError:  # a program need not read all of its input
                return False
        return bool(self._unsent)

    def _receive(self, received: bytearray, descriptor: int) -> bool:
        data = os.read(descriptor, _CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise OverflowError
        received += data
        return bool(data)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that runs yet, with all its processes; close its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
