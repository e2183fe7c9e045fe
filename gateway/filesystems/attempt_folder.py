"""One folder of an attempt on a cluster: created once, known by device and inode, read as hostile input."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import PurePosixPath
from secrets import token_hex
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from gateway.attempt_files import LIMIT_BYTES, attempt_file_errors, open_regular, read_json, read_tail
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.base import FileRange
from gateway.filesystems.errors import filesystem_errors

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_T = TypeVar("_T")


class OpenedFolders(Protocol):
    """The part of a shared filesystem that a folder of an attempt needs."""

    def open_folder(self, path: PurePosixPath, *, create: bool = False) -> AbstractContextManager[int]:
        """Open a folder inside the roots as a descriptor; create it if asked to."""

    def remove_folder(self, path: PurePosixPath) -> None:
        """Remove a folder and all below it without following a link; a missing folder is fine."""


class AttemptFolder:
    """A folder below the roots of a filesystem; with an `identity`, reads accept no other folder there."""

    def __init__(self, filesystem: OpenedFolders, path: PurePosixPath, identity: str | None = None) -> None:
        self._filesystem, self.path, self._identity = filesystem, path, identity

    def create(self, mode: int) -> str | None:
        """Create the folder and return its identity, or None when something of that name is already there."""
        with (
            self._filesystem.open_folder(self.path.parent, create=True) as parent,
            filesystem_errors(self.path),
        ):
            try:
                os.mkdir(self.path.name, mode, dir_fd=parent)
            except FileExistsError:
                return None
            return _identity(os.stat(self.path.name, dir_fd=parent, follow_symlinks=False))

    def create_below(self, names: Sequence[str], mode: int) -> list[str]:
        """Create folders of these names in the folder and return their identities; existing ones are fine."""
        found: list[str] = []
        with self._open_checked() as folder, filesystem_errors(self.path):
            for name in names:
                with suppress(FileExistsError):
                    os.mkdir(name, mode, dir_fd=folder)
                found.append(_identity(os.stat(name, dir_fd=folder, follow_symlinks=False)))
        return found

    def write_below(self, texts: Mapping[str, str]) -> None:
        """Write new small files, by their paths below the folder, which the gateway alone writes into."""
        with self._open_checked() as folder, filesystem_errors(self.path):
            for name, text in texts.items():
                fd = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
                try:
                    os.write(fd, text.encode())
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def identity(self) -> str | None:
        """Return device and inode of the folder, or None when there is none."""
        try:
            with self._open() as fd:
                return _identity(os.fstat(fd))
        except FilesystemError as error:
            if error.transient:
                raise
            return None

    def remove(self) -> None:
        """Remove the folder and all below it without following a link; anything else of its name stays."""
        if self.identity() is None:  # a pipe in its place would be waited for
            return
        try:
            self._filesystem.remove_folder(self.path)
        except RecursionError:
            raise FilesystemError(f"{self.path} holds folders that are nested too deeply to remove") from None

    def read_json(self, expected: TypeAdapter[_T], name: str, limit_bytes: int = LIMIT_BYTES) -> _T | None:
        """Return a document of the folder as the expected type, or None for a missing file."""
        with self._open_checked() as folder:
            return read_json(expected, name, limit_bytes, folder)

    def read_tail(self, name: str, limit_bytes: int) -> str:
        """Return the end of a text file of the folder, nothing for a missing file."""
        with self._open_checked() as folder:
            return read_tail(name, limit_bytes, folder).decode(errors="replace")

    def read_range(self, name: str, offset: int, tail: int | None, limit_bytes: int) -> FileRange | None:
        """Return bytes from the offset, or the last `tail` bytes, or None for a missing file."""
        with self._open_checked() as folder, open_regular(name, folder) as fd:
            if fd is None:
                return None
            size = os.fstat(fd).st_size
            begin = min(offset, size) if tail is None else max(size - tail, 0)
            return FileRange(os.pread(fd, min(limit_bytes, size - begin), begin), begin, size)

    def place(self, name: str, text: str) -> bool:
        """Create the file whole unless it is there; return False when the folder is missing."""
        if self.identity() is None:
            return False
        mine = f"{name}.{token_hex(4)}"
        with self._open_checked() as folder, attempt_file_errors(name):
            fd = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(text)
            try:
                with suppress(FileExistsError):
                    os.link(mine, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.unlink(mine, dir_fd=folder)
        return True

    @contextmanager
    def _open_checked(self) -> Iterator[int]:
        """Open the folder of the identity. The inode alone counts: a mount may change the device's number."""
        with self._open() as fd:
            if self._identity is not None and _inode(_identity(os.fstat(fd))) != _inode(self._identity):
                raise FilesystemError(
                    f"{self.path} is another folder than the one that was made for the job: retry the job",
                    Fault.PERMISSION,
                )
            yield fd

    @contextmanager
    def _open(self) -> Iterator[int]:
        with self._filesystem.open_folder(self.path.parent) as parent:
            with filesystem_errors(self.path):
                fd = os.open(self.path.name, _FOLDER, dir_fd=parent)
            try:
                yield fd
            finally:
                os.close(fd)


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


def _inode(identity: str) -> str:
    return identity.partition(":")[2]
