"""Session: one SFTP server behind one channel; threads send requests, one thread hands out the answers."""

import contextlib
import fcntl
import os
import select
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import IO

from gateway.cleaning import clean
from gateway.command_runners.ssh.channel import end_process, runs_on
from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.errors import ChannelRefused, explain
from gateway.errors import Fault, FilesystemError, FilesystemUnavailable
from gateway.filesystems.sftp.packets import LARGEST_BYTES, VERSION, Fields, Kind, pack_text

ANSWER_S = 60.0
_PIPE_BYTES = 1 << 20
_SAFE_BYTES = 32768  # of one read or write, which every server takes
_MOST_BYTES = 255 << 10
_QUOTED = 60


class Session:
    """An SFTP server. After a time-out or a broken channel every request fails, and another one is opened."""

    def __init__(self, connection: SshConnection) -> None:
        self.host = connection.name
        self._process = connection.open_channel("-s", "--", "cluster", "sftp")
        self._input, self._output = _descriptor(self._process.stdin), _descriptor(self._process.stdout)
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._lock, self._send_lock = threading.Lock(), threading.Lock()
        self._waiting: dict[int, Future[tuple[int, bytes]]] = {}
        self._last, self.is_open = 0, True
        self._thread: threading.Thread | None = None
        try:
            self.extensions = self._begin(connection)
        except BaseException:
            self.close()
            raise
        self._thread = threading.Thread(target=self._receive, name="sftp", daemon=True)
        self._thread.start()
        self.most_read, self.most_written = self._limits()

    def request(self, kind: Kind, *fields: bytes | memoryview) -> Future[tuple[int, bytes]]:
        """Send a request; the future has type and body of its answer."""
        answer: Future[tuple[int, bytes]] = Future()
        with self._lock:
            if not self.is_open:
                raise self.lost()
            self._last = (self._last + 1) & 0xFFFFFFFF
            mine, self._waiting[self._last] = self._last, answer
        length = 5 + sum(map(len, fields))
        try:
            with self._send_lock:
                if not self.is_open:
                    raise self.lost()
                self._write([struct.pack(">IBI", length, kind, mine), *fields])
        except (OSError, TimeoutError):
            self.close()
            raise self.lost() from None
        return answer

    def result(self, answer: Future[tuple[int, bytes]]) -> tuple[int, bytes]:
        """Wait for an answer; a server that is silent for ANSWER_S is given up."""
        try:
            return answer.result(ANSWER_S)
        except TimeoutError:
            self.close()
            raise FilesystemUnavailable(
                f"the SFTP server of {self.host} has not answered for {ANSWER_S:g} s; it is tried again",
                Fault.NETWORK,
            ) from None

    def lost(self) -> FilesystemUnavailable:
        """Return the error of a request after the end of the channel."""
        return FilesystemUnavailable(
            f"the SFTP connection to {self.host} broke; it is tried again", Fault.NETWORK
        )

    def close(self) -> None:
        """End the channel; requests without an answer fail."""
        with self._lock:
            self.is_open = False
            waiting, self._waiting = list(self._waiting.values()), {}
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        for answer in waiting:
            answer.set_exception(self.lost())
        if self._thread is None:
            end_process(self._process)
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def _begin(self, connection: SshConnection) -> dict[str, str]:
        """Agree on the version; return the extensions of the server."""
        with contextlib.suppress(OSError):  # a channel that is refused may have ended before this
            self._write([struct.pack(">IBI", 5, Kind.INIT, VERSION)])
        head = self._read(5, time.monotonic() + ANSWER_S)
        length, kind = struct.unpack(">IB", head) if len(head) == 5 else (0, 0)  # noqa: PLR2004
        if kind != Kind.VERSION or not 5 <= length < _SAFE_BYTES:  # noqa: PLR2004
            raise self._no_server(head, connection)
        fields = Fields(self._read(length - 1, time.monotonic() + ANSWER_S))
        fields.number()
        found: dict[str, str] = {}
        while fields.left:
            name = fields.text()
            found[name] = fields.text()
        return found

    def _no_server(self, head: bytes, connection: SshConnection) -> Exception:
        if not head and self._is_silent():
            return self.lost()
        printed = (head + self._read(_QUOTED, time.monotonic() + 1)).partition(b"\0")[0]
        said = clean(printed.decode(errors="replace")).strip()
        if said:
            return FilesystemError(
                f"the account on {self.host} answers {said!r} instead of SFTP: its start files or a forced"
                " command print text; they have to be silent without a terminal",
                Fault.PERMISSION,
            )
        stderr = b""
        if self._process.stderr is not None:
            with contextlib.suppress(OSError):
                stderr = self._process.stderr.read(LARGEST_BYTES) or b""
        if b"mux_client" not in stderr and connection.outlives_a_channel():
            return FilesystemError(
                f"{self.host} offers no SFTP to the account: its sshd needs `Subsystem sftp`, and the account"
                " no forced command",
                Fault.PERMISSION,
            )
        return as_filesystem_error(
            explain(f"{connection.messages()}\n{stderr.decode(errors='replace')}", self.host)
        )

    def _is_silent(self) -> bool:
        """Return whether the channel is open and nothing comes: a frozen connection, not a refusal."""
        return runs_on(self._process, 1)

    def _limits(self) -> tuple[int, int]:
        """Return the most bytes of a read and of a write, as the server tells them, within bounds."""
        if "limits@openssh.com" not in self.extensions:
            return _SAFE_BYTES, _SAFE_BYTES
        kind, body = self.result(self.request(Kind.EXTENDED, pack_text("limits@openssh.com")))
        if kind != Kind.EXTENDED_REPLY:
            return _SAFE_BYTES, _SAFE_BYTES
        fields = Fields(body)
        _, read, written = fields.large(), fields.large(), fields.large()
        return bound_limit(read), bound_limit(written)

    def _write(self, parts: Sequence[bytes | memoryview]) -> None:
        left = [memoryview(part) for part in parts if len(part)]
        while left:
            if not select.select([], [self._input], [], ANSWER_S)[1]:
                raise TimeoutError
            count = os.writev(self._input, left)
            while left and count >= len(left[0]):
                count -= len(left.pop(0))
            if left:
                left[0] = left[0][count:]

    def _read(self, length: int, deadline: float = 0.0) -> bytes:
        """Return so many bytes, fewer after the end of the channel or after the deadline, if there is one."""
        found = bytearray(length)
        view, at = memoryview(found), 0
        while at < length:
            left = max(0.0, deadline - time.monotonic()) if deadline else None
            if not select.select([self._output], [], [], left)[0]:
                break
            count = os.readv(self._output, [view[at:]])
            if not count:
                break
            at += count
        return bytes(view[:at])

    def _receive(self) -> None:
        """Hand out answers until the channel ends."""
        try:
            while len(head := self._read(9)) == 9:  # noqa: PLR2004  length, type and number
                length, kind, mine = struct.unpack(">IBI", head)
                if not 5 <= length <= LARGEST_BYTES:  # noqa: PLR2004
                    break
                body = self._read(length - 5)
                with self._lock:
                    answer = self._waiting.pop(mine, None)
                if answer is not None:
                    answer.set_result((kind, body))
        except OSError:
            pass
        self.close()
        with self._send_lock:  # no thread may write to a descriptor that another file has by then
            end_process(self._process)


class NoFurtherSession(FilesystemUnavailable):
    """The connection is there and takes no further channel."""


def as_filesystem_error(error: Exception) -> FilesystemError:
    """Return an error of SSH as one of the filesystem."""
    detail, fault = getattr(error, "detail", str(error)), getattr(error, "fault", Fault.NETWORK)
    if isinstance(error, ChannelRefused):
        return NoFurtherSession(detail, fault)
    if getattr(error, "transient", False):
        return FilesystemUnavailable(detail, fault)
    return FilesystemError(detail, fault)


def bound_limit(told: int) -> int:
    """Return a limit of the server; one below those of all servers would be a request for each byte."""
    return min(max(told, _SAFE_BYTES), _MOST_BYTES)


def _descriptor(pipe: IO[bytes] | None) -> int:
    return pipe.fileno() if pipe is not None else -1
