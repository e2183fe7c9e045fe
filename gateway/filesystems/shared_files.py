"""Open files of a shared filesystem, by their descriptors."""

import ctypes
import errno
import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from gateway.errors import FilesystemError
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.files import SourceFile
from gateway.filesystems.space import check_space
from gateway.filesystems.temporary import NOTES_LIMIT_BYTES, is_plain

_FIRST_STEP_BYTES = 32 << 20
_QUICK_S = 0.004
_BETTER = 0.75  # the time for a byte, when steps that are twice as long are worth it
NO_WAIT = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)
_NO_PREALLOCATION = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class SharedSource(SourceFile):
    """A file open for reading, with size and time of change when it was opened."""

    def __init__(self, path: PurePosixPath, fd: int) -> None:
        found = os.fstat(fd)
        self.path, self.fd, self.size, self._mtime_ns = path, fd, found.st_size, found.st_mtime_ns

    def read_at(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; nothing at the end of the file."""
        with filesystem_errors(self.path):
            return os.pread(self.fd, length, offset)

    def read_into(self, buffer: memoryview, offset: int) -> memoryview:
        """Read into the buffer, and return the part of it that is filled; nothing at the end of the file."""
        with filesystem_errors(self.path):
            return buffer[: os.preadv(self.fd, [buffer], offset)]

    def is_unchanged(self) -> bool:
        """Return whether size and time of change are those of the opening."""
        now = os.fstat(self.fd)
        return (now.st_size, now.st_mtime_ns) == (self.size, self._mtime_ns)


class SharedPartialFile:
    """A file that is being written under a temporary name, and the notes beside it about its progress."""

    is_far = False

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

    def digest(self, algorithm: str) -> bytes | None:  # noqa: ARG002  the bytes are at hand
        """Return None: the file is read here."""
        return None

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
                return file.read(NOTES_LIMIT_BYTES).decode(errors="replace")

    def note(self, text: str) -> None:
        """Add to the notes."""
        with filesystem_errors(self.path):
            fd = self._open_notes(os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            with os.fdopen(fd, "ab") as file:
                file.write(text.encode())

    def _open_notes(self, flags: int) -> int:
        fd = os.open(self._notes_name, flags | NO_WAIT, 0o600, dir_fd=self._folder)
        if not is_plain(fd):
            os.close(fd)
            raise FilesystemError(f"{self._notes_name} beside {self.path} is no plain file: remove it")
        return fd
