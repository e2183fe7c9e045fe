"""Attempt files: bounded, typed reads of the files of a job's attempt, which are hostile input.

No read follows a link, waits for a writer or takes more than its limit. A missing file is None; anything else
that is not a readable regular file of the expected size and shape raises FilesystemError with a sentence.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from gateway.errors import Fault, FilesystemError, FilesystemUnavailable

LIMIT_BYTES = 1 << 20
# Error numbers after which the same call may succeed.
TRANSIENT = frozenset(
    {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.ENFILE, errno.EMFILE}
)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOUND = {
    errno.ELOOP: "is a link, expected a file",
    errno.ENXIO: "is a socket or a device, expected a file",
    errno.EACCES: "may not be read by the cluster account: change its mode",
    errno.EPERM: "may not be read by the cluster account: change its mode",
}
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_T = TypeVar("_T")


class FarReader(Protocol):
    """A way to the files of attempts that are not on this machine."""

    def __call__(self, path: Path, limit_bytes: int, *, tail: bool) -> bytes | None:
        """Return bytes from the start or up to the end of a file, or None for a missing one."""


_reader: ContextVar[FarReader | None] = ContextVar("reader", default=None)


@contextmanager
def reading_by(reader: FarReader) -> Iterator[None]:
    """Read the attempt files that the block names by their paths through the reader."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


@contextmanager
def attempt_file_errors(name: str) -> Iterator[None]:
    """Turn an OSError of the block into a FilesystemError about this file of an attempt."""
    try:
        yield
    except OSError as error:
        said = (error.strerror or type(error).__name__).lower()
        if error.errno in TRANSIENT:
            raise FilesystemUnavailable(
                f"the cluster's filesystem does not answer for {name} of the job ({said})"
            ) from error
        raise _refusal(name, _FOUND.get(error.errno or 0, f"cannot be used: {said}")) from error


def read_bytes(path: Path | str, limit_bytes: int = LIMIT_BYTES, folder: int | None = None) -> bytes | None:
    """Return the whole content, or None for a missing file; `folder` is where a relative path starts."""
    if folder is None and (reader := _reader.get()) is not None:
        found = reader(Path(path), limit_bytes + 1, tail=False)
        check_size(path, len(found or b""), limit_bytes)
        return found
    with open_regular(path, folder) as fd:
        if fd is None:
            return None
        check_size(path, os.fstat(fd).st_size, limit_bytes)
        with open(fd, "rb", closefd=False) as file:
            data = file.read(limit_bytes + 1)
    check_size(path, len(data), limit_bytes)
    return data


def read_tail(path: Path | str, limit_bytes: int, folder: int | None = None) -> bytes:
    """Return the last bytes of a file, none of a missing one."""
    if folder is None and (reader := _reader.get()) is not None:
        return reader(Path(path), limit_bytes, tail=True) or b""
    with open_regular(path, folder) as fd:
        return b"" if fd is None else os.pread(fd, limit_bytes, max(0, os.fstat(fd).st_size - limit_bytes))


def read_json(
    expected: TypeAdapter[_T], path: Path | str, limit_bytes: int = LIMIT_BYTES, folder: int | None = None
) -> _T | None:
    """Return a document as the expected type, or None for a missing file."""
    data = read_bytes(path, limit_bytes, folder)
    return None if data is None else parse_json(expected, Path(path).name, data)


def parse_json(expected: TypeAdapter[_T], name: str, data: bytes) -> _T:
    """Return a document as the expected type; raise FilesystemError naming the first fault."""
    try:
        return expected.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        told = f"{place}: {first['msg']}" if place else first["msg"]
    raise _refusal(name, f"is damaged: {told}")


def is_regular(path: Path) -> bool:
    """Return whether the file is there; raise FilesystemError when something else has its name."""
    with attempt_file_errors(path.name):
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
    check_kind(path.name, mode)
    return True


@contextmanager
def open_regular(path: Path | str, folder: int | None = None) -> Iterator[int | None]:
    """Open a regular file for reading; the block gets None for a missing one."""
    name = Path(path).name
    with attempt_file_errors(name):
        try:
            fd = os.open(path, _READ, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            fd = None
        if fd is None:
            yield None
            return
        try:
            check_kind(name, os.fstat(fd).st_mode)
            yield fd
        finally:
            os.close(fd)


def check_size(path: Path | str, size: int, limit_bytes: int) -> None:
    """Raise FilesystemError for a file that is larger than its limit."""
    if size > limit_bytes:
        raise _refusal(Path(path).name, f"has {size} bytes, expected at most {limit_bytes}")


def check_kind(name: str, mode: int) -> None:
    """Raise FilesystemError unless the mode is that of a regular file."""
    if not stat.S_ISREG(mode):
        raise _refusal(name, f"is {_KINDS.get(stat.S_IFMT(mode), 'no file')}, expected a file")


def _refusal(name: str, found: str) -> FilesystemError:
    return FilesystemError(f"{name} of the job {found}", Fault.FILESYSTEM)
