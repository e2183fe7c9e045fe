"""Open files over SFTP: pieces are requested at once and awaited together, over several channels."""

import errno
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from gateway.errors import Fault, FilesystemError
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.files import SourceFile
from gateway.filesystems.sftp.calls import Calls, SftpFailure
from gateway.filesystems.sftp.digests import compute_digest
from gateway.filesystems.sftp.packets import Attributes, Flag
from gateway.filesystems.sftp.sessions import MOST_SESSIONS, Sessions
from gateway.filesystems.temporary import NOTES_LIMIT_BYTES


class Handles:
    """The handles of one file: each channel has its own, and each thread stays with one of them."""

    def __init__(self, sessions: Sessions, name: str, flags: int, calls: Calls, handle: bytes) -> None:
        self.sessions, self._name, self._flags = sessions, name, flags
        self._handles: list[tuple[Calls, bytes]] = [(calls, handle)]
        self._lock, self._turn, self._mine = threading.Lock(), itertools.count(), threading.local()

    def mine(self) -> tuple[Calls, bytes]:
        """Return the handle of this thread."""
        number = getattr(self._mine, "number", None)
        if number is None:
            with self._lock:
                number = self._mine.number = next(self._turn) % MOST_SESSIONS
                if number >= len(self._handles):
                    calls = self.sessions.next()
                    self._handles.append((calls, calls.open(self._name, self._flags)))
        return self._handles[min(number, len(self._handles) - 1)]

    def close(self) -> None:
        """Close the handles, those of lost channels excepted."""
        for calls, handle in self._handles:
            with suppress(OSError, FilesystemError):
                calls.close(handle)


def read_into(handles: Handles, buffer: memoryview, offset: int) -> memoryview:
    """Read into the buffer; return the part of it that is filled, which is less at the end of the file."""
    at = 0
    while at < len(buffer) and (count := _read_some(handles, buffer[at:], offset + at)):
        at += count
    return buffer[:at]


def _read_some(handles: Handles, buffer: memoryview, offset: int) -> int:
    """Request all of the buffer at once; return the number of bytes that came without a gap."""
    calls, handle = handles.mine()
    step, at = calls.session.most_read, 0
    pieces = [(begin, min(step, len(buffer) - begin)) for begin in range(0, len(buffer), step)]
    answers = [calls.read(handle, offset + begin, length) for begin, length in pieces]
    for (begin, length), answer in zip(pieces, answers, strict=True):
        data = calls.data_of(answer)[:length]
        if begin != at:
            continue  # bytes after a short piece are asked for again
        buffer[at : at + len(data)] = data
        at += len(data)
    return at


class SftpSource(SourceFile):
    """A file open for reading, with size and time of change when it was opened."""

    def __init__(self, path: PurePosixPath, handles: Handles, found: Attributes) -> None:
        self.path, self.size, self._handles, self._found = path, found.size, handles, found

    def read_at(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; nothing at the end of the file."""
        length = max(0, min(length, self.size - offset))
        return bytes(self.read_into(memoryview(bytearray(length)), offset))

    def read_into(self, buffer: memoryview, offset: int) -> memoryview:
        """Read into the buffer, and return the part of it that is filled; nothing at the end of the file."""
        with filesystem_errors(self.path):
            return read_into(self._handles, buffer, offset)

    def is_unchanged(self) -> bool:
        """Return whether size and time of change, in seconds, are those of the opening."""
        calls, handle = self._handles.mine()
        with filesystem_errors(self.path):
            now = calls.fstat(handle)
        return (now.size, now.mtime) == (self._found.size, self._found.mtime)


class SftpPartialFile:
    """A file that is being written under a temporary name, and the notes beside it."""

    is_far = True

    def __init__(self, path: PurePosixPath, handles: Handles, name: str, notes_name: str) -> None:
        self.path, self._handles, self._name, self._notes_name = path, handles, name, notes_name

    @property
    def size(self) -> int:
        """The length of the file so far, holes included."""
        calls, handle = self._handles.mine()
        with filesystem_errors(self.path):
            return calls.fstat(handle).size

    def check_space(self, size: int) -> None:
        """Raise FilesystemError when the file cannot grow to that size; a server may not tell."""
        calls, _ = self._handles.mine()
        with filesystem_errors(self.path):
            space = calls.space(self._name)
        if space is not None and space.total and size > space.free + self.size:
            raise no_space(self.path, size, space.free)

    def reserve(self, size: int) -> Iterator[int]:  # noqa: ARG002  SFTP reserves nothing
        """Reserve nothing: SFTP cannot."""
        return iter(())

    def write_at(self, data: bytes | memoryview, offset: int) -> None:
        """Write the data, all of it."""
        calls, handle = self._handles.mine()
        view, step = memoryview(data), calls.session.most_written
        with filesystem_errors(self.path), self._explain_refusal(calls, len(view)):
            answers = [
                calls.write(handle, offset + begin, view[begin : begin + step])
                for begin in range(0, len(view), step)
            ]
            for answer in answers:
                calls.check(answer)

    def read_at(self, buffer: memoryview, offset: int) -> memoryview:
        """Read written bytes into the buffer, and return the part of it that is filled."""
        with filesystem_errors(self.path):
            return read_into(self._handles, buffer, offset)

    def digest(self, algorithm: str) -> bytes | None:
        """Return the digest of all bytes as a tool of the cluster computes it; None where none does."""
        return compute_digest(self._handles.sessions.cluster, self._name, self.size, algorithm)

    def sync(self) -> None:
        """Write all bytes to the disk, where the server can."""
        calls, handle = self._handles.mine()
        with filesystem_errors(self.path):
            calls.sync(handle)

    def restart(self) -> None:
        """Remove all bytes and notes."""
        calls, handle = self._handles.mine()
        with filesystem_errors(self.path):
            calls.set_size(handle, 0)
            with suppress(FileNotFoundError):
                calls.remove(self._notes_name)

    def notes(self) -> str:
        """Return the notes of this attempt and of earlier ones."""
        with filesystem_errors(self.path), suppress(FileNotFoundError), self._open_notes(Flag.READ) as found:
            calls, handle = found
            data, step = b"", calls.session.most_read
            while len(data) < NOTES_LIMIT_BYTES:
                piece = calls.data_of(calls.read(handle, len(data), step))
                if not piece:
                    break
                data += piece
            return data.decode(errors="replace")
        return ""

    def note(self, text: str) -> None:
        """Add to the notes."""
        flags = Flag.WRITE | Flag.CREATE | Flag.APPEND
        with filesystem_errors(self.path), self._open_notes(flags) as (calls, handle):
            calls.check(calls.write(handle, 0, memoryview(text.encode())))

    @contextmanager
    def _open_notes(self, flags: int) -> Iterator[tuple[Calls, bytes]]:
        calls, _ = self._handles.mine()
        if flags & Flag.WRITE:
            with suppress(FileNotFoundError):
                check_plain(calls.lstat(self._notes_name), self._notes_name)
        else:
            check_plain(calls.lstat(self._notes_name), self._notes_name)
        handle = calls.open(self._notes_name, flags, 0o600)
        try:
            yield calls, handle
        finally:
            calls.close(handle)

    @contextmanager
    def _explain_refusal(self, calls: Calls, length: int) -> Iterator[None]:
        """Turn a refusal without a reason into that of a full disk or of a quota."""
        try:
            yield
        except SftpFailure as error:
            space = calls.space(self._name)
            if space is None or space.free < max(length, 1 << 20):
                raise OSError(errno.ENOSPC, str(error)) from error
            raise OSError(errno.EDQUOT, str(error)) from error


def check_plain(found: Attributes, name: str) -> None:
    """Raise FilesystemError unless a temporary name is that of a regular file."""
    if not found.is_file:
        raise FilesystemError(f"{PurePosixPath(name).name} on the cluster is no plain file: remove it")


def no_space(path: PurePosixPath, size: int, free: int) -> FilesystemError:
    """Return the error for a file that does not fit."""
    return FilesystemError(
        f"no space is left on the cluster for {path}: it has {size} bytes or more, and {free} are free;"
        " free some and retry",
        Fault.SPACE,
    )
