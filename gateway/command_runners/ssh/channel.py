"""Channel of a connection: a process of `ssh` whose pipes are the streams of the other side."""

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from gateway.processes import plain_environment

_CHUNK = 1 << 16


class ChannelClosed(Exception):
    """The other side, or the connection, has ended the channel."""


class SshChannel:
    """The three streams of a channel, for one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.stdout, self.stderr = bytearray(), bytearray()

    def exchange(self, sent: bytes, mark: bytes, deadline: float, limit: int) -> None:
        """Send the bytes, and receive until the mark is at the end of both streams.

        Raises
        ------
        TimeoutError, OverflowError, ChannelClosed
            When the deadline is over, when there is more than the limit, and when the channel has ended.
        """
        unsent = memoryview(sent)
        with selectors.DefaultSelector() as selector:
            selector.register(_pipe(self._process.stdin), selectors.EVENT_WRITE)
            selector.register(_pipe(self._process.stdout), selectors.EVENT_READ, self.stdout)
            selector.register(_pipe(self._process.stderr), selectors.EVENT_READ, self.stderr)
            while not (self.stdout.endswith(mark) and self.stderr.endswith(mark)):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    if key.data is None:
                        unsent = self._send(unsent)
                        if not unsent:
                            selector.unregister(key.fileobj)
                    else:
                        _receive(key.fd, key.data)
                if len(self.stdout) + len(self.stderr) > limit:
                    raise OverflowError

    def take(self) -> tuple[bytes, bytes]:
        """Return the received bytes, and begin anew."""
        found = bytes(self.stdout), bytes(self.stderr)
        self.stdout.clear()
        self.stderr.clear()
        return found

    def close(self) -> None:
        """End the channel; a command that runs behind it loses its streams."""
        end_process(self._process)

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(_pipe(self._process.stdin).fileno(), unsent[:_CHUNK]) :]
        except BrokenPipeError:
            raise ChannelClosed from None


def open_process(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a client whose pipes do not block."""
    process = subprocess.Popen(
        argv,
        env=plain_environment() | {"LC_ALL": "C"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
    for pipe in (process.stdin, process.stdout, process.stderr):
        os.set_blocking(_pipe(pipe).fileno(), False)
    return process


def runs_on(process: subprocess.Popen[bytes], within_s: float) -> bool:
    """Return whether a client has not ended after so long."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return True
    return False


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill a client and close its pipes."""
    with suppress(ProcessLookupError):
        process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def _receive(descriptor: int, received: bytearray) -> None:
    data = os.read(descriptor, _CHUNK)
    if not data:
        raise ChannelClosed
    received += data


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ChannelClosed
    return pipe
