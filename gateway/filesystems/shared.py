"""A shared filesystem: the files of a cluster that this machine has mounted, or this machine's own.

Paths come here already judged by their text. Links can be judged only by the filesystem, and are judged by
the confinement without a race: all work is done relative to its descriptors.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import PurePosixPath
from secrets import token_hex

from gateway.errors import FilesystemError, is_over
from gateway.filesystems.attempt_folder import AttemptFolder
from gateway.filesystems.base import Filesystem
from gateway.filesystems.confinement import Confinement, Judge, judge_nothing
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.listing_bounds import bounded_names, check_depth
from gateway.filesystems.protection import UNPROTECTED, Protection
from gateway.filesystems.publication import Existing, check_destination, folder_error, publish_file
from gateway.filesystems.shared_files import NO_WAIT, SharedPartialFile, SharedSource
from gateway.filesystems.temporary import (
    is_plain,
    is_temporary,
    open_temporary,
    refuse_temporary,
    temporary_names,
)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_JUDGED_AT_ONCE = 1000


class SharedFilesystem(Filesystem):
    """The part of a filesystem below some roots, without protected places and those that `judge` refuses.

    `own` are folders at or above the roots that are created, for this account alone, when something is
    first written below them; any other root has to be there.
    """

    def __init__(
        self,
        roots: Sequence[PurePosixPath],
        own: Sequence[PurePosixPath] = (),
        *,
        protection: Protection = UNPROTECTED,
        judge: Judge = judge_nothing,
    ) -> None:
        self._inside = Confinement(roots, own, protection, judge)

    @contextmanager
    def read(self, path: PurePosixPath) -> Iterator[SharedSource]:
        """Open a regular file."""
        with self._inside.handle(path) as handle:
            fd = _open_regular(handle, path)
        try:
            yield SharedSource(path, fd)
        finally:
            os.close(fd)

    @contextmanager
    def receive(
        self, path: PurePosixPath, token: str = "", existing: Existing = Existing.REPLACE
    ) -> Iterator[SharedPartialFile]:
        """Open a file for writing; see Filesystem."""
        if path in self._inside.roots:
            raise folder_error(path)
        refuse_temporary(path)
        with self._inside.parent(path, create=True) as folder:
            names = temporary_names(path.name, token or token_hex(6))
            with filesystem_errors(path):
                check_destination(folder, path, existing)
                fd = open_temporary(folder, names.part, path)
            try:
                yield SharedPartialFile(path, fd, folder, names.notes)
                with filesystem_errors(path):
                    os.fsync(fd)
                    publish_file(folder, fd, names.part, path, existing)
                    names.remove_notes(folder)
                    os.fsync(folder)
            except BaseException as error:
                if not token or is_over(error):
                    names.remove(folder)
                raise
            finally:
                os.close(fd)

    @contextmanager
    def read_partial(
        self, path: PurePosixPath, token: str
    ) -> Iterator[tuple[SharedSource, Callable[[], str]]]:
        """Open the file that a `receive` with that token writes, and a function that returns its notes."""
        with self._inside.parent(path) as folder:
            names = temporary_names(path.name, token)
            with filesystem_errors(path):
                fd = os.open(names.part, os.O_RDONLY | NO_WAIT, dir_fd=folder)
            try:
                if not is_plain(fd):
                    raise FilesystemError(f"{path} has a temporary file that is no file of its own")
                yield SharedSource(path, fd), SharedPartialFile(path, fd, folder, names.notes).notes
            finally:
                os.close(fd)

    def discard(self, path: PurePosixPath, token: str) -> None:
        """Remove the temporary files of a `receive` with that token; none is fine."""
        with _ignore_absence(), self._inside.parent(path) as folder, filesystem_errors(path):
            temporary_names(path.name, token).remove(folder)

    def remove_folder(self, path: PurePosixPath) -> None:
        """Remove a folder and all below it without following a link; a missing folder is fine."""
        with _ignore_absence(), self._inside.parent(path) as folder, filesystem_errors(path):
            shutil.rmtree(path.name, dir_fd=folder)

    def remove_file(self, path: PurePosixPath, size: int, written_before: datetime) -> None:
        """Remove a regular file of this size that was not written since the given time.

        Any other file stays; a missing file is no error.
        """
        with _ignore_absence(), self._inside.parent(path) as folder, filesystem_errors(path):
            found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
            is_old = found.st_mtime <= written_before.timestamp()
            if stat.S_ISREG(found.st_mode) and found.st_size == size and is_old:
                os.unlink(path.name, dir_fd=folder)

    def files(
        self, path: PurePosixPath, omit: Callable[[str], None] = lambda _: None
    ) -> Iterator[tuple[str, int]]:
        """Yield name and size of every file below a folder; a link must lead to a file that may be read.

        Files and folders out of reach are passed over; `omit` is called with the name of each.
        """
        with self._inside.folder(path) as folder, filesystem_errors(path):
            yield from self._below(path, folder, "", omit)

    def _below(
        self, path: PurePosixPath, fd: int, prefix: str, omit: Callable[[str], None]
    ) -> Iterator[tuple[str, int]]:
        """Yield the files of an open folder, which is at `prefix` below the path, and then those below it."""
        check_depth(path, prefix)
        folders: list[str] = []
        for name in self._visible(path / prefix, fd, lambda name: omit(f"{prefix}{name}")):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                folders.append(name)
            elif stat.S_ISLNK(found.st_mode):
                yield f"{prefix}{name}", self._size(path / f"{prefix}{name}")
            elif stat.S_ISREG(found.st_mode) and not is_temporary(name):
                yield f"{prefix}{name}", found.st_size
        for name in folders:
            with _opened(name, fd) as deeper:
                yield from self._below(path, deeper, f"{prefix}{name}/", omit)

    def _visible(self, path: PurePosixPath, fd: int, omit: Callable[[str], None]) -> Iterator[str]:
        """Yield the names in an open folder that may be listed; they are judged some at a time."""
        with os.scandir(fd) as entries:
            names = sorted(bounded_names(path, (entry.name for entry in entries)))
        for start in range(0, len(names), _JUDGED_AT_ONCE):
            some = names[start : start + _JUDGED_AT_ONCE]
            visible = set(self._inside.visible(fd, some))
            for name in some:
                if name in visible:
                    yield name
                else:
                    omit(name)

    def _size(self, path: PurePosixPath) -> int:
        with self.read(path) as source:
            return source.size

    def make_folder(self, path: PurePosixPath) -> None:
        """Create the folder and those above it; one that exists is fine."""
        with self._inside.folder(path, write=True, create=True):
            pass

    def exists(self, path: PurePosixPath) -> bool:
        """Return whether there is a file or folder at `path`; a link that leaves the roots is refused."""
        try:
            with self._inside.handle(path):
                return True
        except FilesystemError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return False
            raise

    def open_folder(self, path: PurePosixPath, *, create: bool = False) -> AbstractContextManager[int]:
        """Open a folder inside the roots as a descriptor; create it if asked to."""
        return self._inside.folder(path, write=create, create=create)

    def attempt_folder(self, path: PurePosixPath, identity: str | None = None) -> AttemptFolder:
        """Return a folder of an attempt, which need not exist."""
        return AttemptFolder(self, path, identity)

    def check_writable(self, path: PurePosixPath) -> None:
        """Raise FilesystemError when something below `path`, as far as it exists, may not be written."""
        with _ignore_absence(), self._inside.folder(path, write=True):
            pass

    def links(self, path: PurePosixPath) -> list[PurePosixPath]:
        """Return the paths of the links in a folder; a missing folder has none."""
        with _ignore_absence(), self._inside.folder(path) as folder, os.scandir(folder) as entries:
            return [path / entry.name for entry in entries if entry.is_symlink()]
        return []


@contextmanager
def _ignore_absence() -> Iterator[None]:
    try:
        yield
    except FilesystemError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise


def _open_regular(handle: int, path: PurePosixPath) -> int:
    """Open the handle's file for reading; its kind is known before it is opened."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise FilesystemError(f"{path} is not a file on the cluster: check the path")
    with filesystem_errors(path):
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """Open a folder in an open folder; it may be no link."""
    fd = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield fd
    finally:
        os.close(fd)
