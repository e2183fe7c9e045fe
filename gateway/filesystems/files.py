"""Open files of a cluster: sources that are read, and partial files that are written."""

import ctypes
import errno
import io
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.errors import FilesystemError
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.space import check_space
from gateway.filesystems.temporary import is_plain

_NOTES_LIMIT_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20
_FIRST_STEP_BYTES = 32 << 20
_QUICK_S = 0.004
_BETTER = 0.75  # the time for a byte, when steps that are twice as long are worth it
_NO_WAIT = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)
_NO_PREALLOCATION = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


@dataclass(frozen=True)
class SourceFile:
    """A regular file open for reading, with its size and time of change when it was opened."""

    path: PurePosixPath
    fd: int
    size: int
    mtime_ns: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; nothing at the end of the file."""
        with filesystem_errors(self.path):
            return os.pread(self.fd, length, offset)

    def read_into(self, buffer: memoryview, offset: int) -> memoryview:
        """Read into the buffer, and return the part of it that is filled; nothing at the end of the file."""
        with filesystem_errors(self.path):
            return buffer[: os.preadv(self.fd, [buffer], offset)]

    def read_whole(self) -> "MemorySlice":
        """Return all the bytes at once."""
        data = self.read_at(0, self.size)
        if len(data) != self.size:
            raise self.changed()
        self.check_unchanged()
        return MemorySlice(data)

    def check_unchanged(self) -> None:
        """Raise FilesystemError when the file is not as it was when it was opened."""
        now = os.fstat(self.fd)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise self.changed()

    def changed(self) -> FilesystemError:
        """Return the error for a file that is not as it was."""
        return FilesystemError(
            f"{self.path} was changed while it was read: retry when no program writes to it"
        )


class FileSlice(io.RawIOBase):
    """A piece of a source as a file of its own, to be sent. `check` is called before each read and may raise.

    The last bytes are given only when the source is unchanged: no store ever has all of another file.
    """

    def __init__(
        self, source: SourceFile, start: int, stop: int, check: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._check = check
        self._source, self._start, self._length = source, start, stop - start
        self._position = 0

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: a request that is sent again reads it again."""
        return True

    def tell(self) -> int:
        """Return the position in the piece."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position in the piece."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; a file that has become shorter has changed."""
        rest = self._length - self._position
        self._check()
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted <= 0:
            return b""
        data = self._source.read_at(self._start + self._position, wanted)
        if not data:
            raise self._source.changed()
        self._position += len(data)
        if self._position == self._length:
            self._source.check_unchanged()
        return data

    def pieces(self) -> Iterator[memoryview]:
        """Yield all the bytes in pieces, for a digest; the next piece overwrites the one before.

        The position stays the same.
        """
        buffer, position = memoryview(bytearray(min(_PIECE_BYTES, self._length))), 0
        while position < self._length:
            self._check()
            piece = self._source.read_into(buffer[: self._length - position], self._start + position)
            if not piece:
                raise self._source.changed()
            yield piece
            position += len(piece)


class MemorySlice(io.BytesIO):
    """A small file that was read into memory, with the methods of a FileSlice."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def pieces(self) -> Iterator[memoryview]:
        """Return all the bytes, for a digest."""
        return iter([memoryview(self._data)])


class PartialFile:
    """A file that is being written under a temporary name, and the notes beside it about its progress."""

    def __init__(self, path: PurePosixPath, fd: int, folder: int, notes_name: str) -> None:
        self.path, self.fd = path, fd
        self._folder, self._notes_name = folder, notes_name

    @property
    def size(self) -> int:
        """The length of the file so far, holes included."""
        return os.fstat(self.fd).st_size

    def check_space(self, size: int) -> None:
        """Raise FilesystemError when the file cannot grow to that size on the space that is free."""
        check_space(self.fd, self.path, size)

    def reserve(self, size: int) -> Iterator[int]:
        """Reserve space for so many bytes, so that a full disk is noticed before they are moved.

        Most filesystems do that at once. Where more space takes more time, as on a tmpfs, the space is taken
        in steps, and the bytes taken so far are yielded between them.
        """
        taken, step, pace = 0, _FIRST_STEP_BYTES, math.inf
        while taken < size:
            length, begun = min(step, size - taken), time.monotonic()
            if not self._allocate(taken, length):
                with filesystem_errors(self.path):
                    os.truncate(self.fd, size)
                return
            taken, took, before = taken + length, time.monotonic() - begun, pace
            pace = took / length
            if took < _QUICK_S or pace < _BETTER * before:
                step *= 2
            elif taken < size:
                yield taken

    def _allocate(self, start: int, length: int) -> bool:
        """Reserve space for some bytes; False where the filesystem cannot."""
        with filesystem_errors(self.path):
            if _libc.fallocate(self.fd, 0, ctypes.c_long(start), ctypes.c_long(length)) == 0:
                return True
            code = ctypes.get_errno()
            if code not in _NO_PREALLOCATION:
                raise OSError(code, os.strerror(code))
            return False

    def write_at(self, data: bytes | memoryview, offset: int) -> None:
        """Write the data, all of it."""
        rest = memoryview(data)
        with filesystem_errors(self.path):
            while rest:
                count = os.pwrite(self.fd, rest, offset)
                rest, offset = rest[count:], offset + count

    def read_at(self, buffer: memoryview, offset: int) -> memoryview:
        """Read written bytes into the buffer, and return the part of it that is filled."""
        with filesystem_errors(self.path):
            return buffer[: os.preadv(self.fd, [buffer], offset)]

    def sync(self) -> None:
        """Write all bytes to the disk."""
        with filesystem_errors(self.path):
            os.fdatasync(self.fd)

    def restart(self) -> None:
        """Remove all bytes and notes."""
        with filesystem_errors(self.path):
            os.truncate(self.fd, 0)
            with suppress(FileNotFoundError):
                os.unlink(self._notes_name, dir_fd=self._folder)

    def notes(self) -> str:
        """Return the notes of this attempt and of earlier ones."""
        with filesystem_errors(self.path):
            try:
                fd = self._open_notes(os.O_RDONLY)
            except FileNotFoundError:
                return ""
            with os.fdopen(fd, "rb") as file:
                return file.read(_NOTES_LIMIT_BYTES).decode(errors="replace")

    def note(self, text: str) -> None:
        """Add to the notes."""
        with filesystem_errors(self.path):
            fd = self._open_notes(os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            with os.fdopen(fd, "ab") as file:
                file.write(text.encode())

    def _open_notes(self, flags: int) -> int:
        fd = os.open(self._notes_name, flags | _NO_WAIT, 0o600, dir_fd=self._folder)
        if not is_plain(fd):
            os.close(fd)
            raise FilesystemError(f"{self._notes_name} beside {self.path} is no plain file: remove it")
        return fd
