"""A filesystem behind SFTP: the files of a cluster that this machine has not mounted."""

import os.path
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import PurePosixPath
from secrets import token_hex

from gateway.clusters.protected import ProtectedPaths
from gateway.errors import FilesystemError, is_over
from gateway.filesystems.base import Filesystem
from gateway.filesystems.confinement import Judge, judge_nothing
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.listing_bounds import check_depth
from gateway.filesystems.publication import Existing, folder_error
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.confinement import SftpConfinement
from gateway.filesystems.sftp.files import Handles, SftpPartialFile, SftpSource, check_plain
from gateway.filesystems.sftp.folder import SftpFolder
from gateway.filesystems.sftp.packets import Flag
from gateway.filesystems.sftp.publication import check_remote, publish_remote
from gateway.filesystems.sftp.sessions import Sessions
from gateway.filesystems.sftp.tree import remove_tree
from gateway.filesystems.temporary import TemporaryNames, is_temporary, refuse_temporary, temporary_names

_NOTHING = ProtectedPaths()
_WRITING = Flag.READ | Flag.WRITE
_ABSENT = (FileNotFoundError, NotADirectoryError)


class SftpFilesystem(Filesystem):
    """The part of a filesystem below some roots, without protected places and those that `judge` refuses."""

    def __init__(
        self,
        sessions: Sessions,
        roots: Sequence[PurePosixPath],
        own: Sequence[PurePosixPath] = (),
        *,
        protected: ProtectedPaths = _NOTHING,
        judge: Judge = judge_nothing,
    ) -> None:
        self._sessions = sessions
        self._inside = SftpConfinement(sessions, roots, own, protected, judge)

    @contextmanager
    def read(self, path: PurePosixPath) -> Iterator[SftpSource]:
        """Open a regular file; see Filesystem."""
        name = self._inside.target(path)
        calls = self._sessions.next()
        with filesystem_errors(path):
            if not calls.lstat(name).is_file:
                raise FilesystemError(f"{path} is not a file on the cluster: check the path")
            handle = calls.open(name, Flag.READ)
            found = calls.fstat(handle)
        handles = Handles(self._sessions, name, Flag.READ, calls, handle)
        try:
            yield SftpSource(path, handles, found)
        finally:
            handles.close()

    @contextmanager
    def receive(
        self, path: PurePosixPath, token: str = "", existing: Existing = Existing.REPLACE
    ) -> Iterator[SftpPartialFile]:
        """Open a file for writing; see Filesystem."""
        if path in self._inside.roots:
            raise folder_error(path)
        refuse_temporary(path)
        target = self._inside.entry(path, create=True)
        folder, _, name = target.rpartition("/")
        names = temporary_names(name, token or token_hex(6))
        names = TemporaryNames(f"{folder}/{names.part}", f"{folder}/{names.notes}")
        calls = self._sessions.next()
        with filesystem_errors(path):
            check_remote(calls, target, path, existing)
            handle = _open_temporary(calls, names.part)
        handles = Handles(self._sessions, names.part, _WRITING, calls, handle)
        try:
            yield SftpPartialFile(path, handles, names.part, names.notes)
            with filesystem_errors(path):
                calls.sync(handle)
                publish_remote(calls, names.part, target, path, existing)
            self._forget(names.notes)
        except BaseException as error:
            if not token or is_over(error):
                self._forget(names.part)
                self._forget(names.notes)
            raise
        finally:
            handles.close()

    def discard(self, path: PurePosixPath, token: str) -> None:
        """Remove the temporary files of a `receive` with that token; none is fine."""
        with _ignore_absence(), filesystem_errors(path):
            folder = self._inside.folder(path.parent, write=True)
            names = temporary_names(path.name, token)
            for name in (names.part, names.notes):
                with suppress(FileNotFoundError):
                    self._calls.remove(f"{folder}/{name}")

    def remove_folder(self, path: PurePosixPath) -> None:
        """Remove a folder and all below it without following a link; a missing folder is fine."""
        with _ignore_absence(), filesystem_errors(path):
            remove_tree(self._calls, self._inside.entry(path))

    def remove_file(self, path: PurePosixPath, size: int, written_before: datetime) -> None:
        """Remove a regular file; see Filesystem."""
        with _ignore_absence(), filesystem_errors(path):
            name = self._inside.entry(path)
            found = self._calls.lstat(name)
            if found.is_file and found.size == size and found.mtime <= written_before.timestamp():
                self._calls.remove(name)

    def files(
        self, path: PurePosixPath, omit: Callable[[str], None] = lambda _: None
    ) -> Iterator[tuple[str, int]]:
        """Yield name and size of every file below a folder; see Filesystem."""
        yield from self._below(path, self._inside.folder(path), "", omit)

    def make_folder(self, path: PurePosixPath) -> None:
        """Create the folder and those above it; one that exists is fine."""
        place = self._inside.folder(path, write=True, create=True)
        with filesystem_errors(path):
            if not self._calls.stat(place).is_folder:
                raise FileExistsError(17, "File exists")

    def exists(self, path: PurePosixPath) -> bool:
        """Return whether there is a file or folder at `path`; a link that leaves the roots is refused."""
        try:
            name = self._inside.target(path)
            with filesystem_errors(path):
                self._calls.lstat(name)
        except FilesystemError as error:
            if isinstance(error.__cause__, _ABSENT):
                return False
            raise
        return True

    def check_writable(self, path: PurePosixPath) -> None:
        """Raise FilesystemError when something below `path`, as far as it exists, may not be written."""
        with _ignore_absence():
            self._inside.folder(path, write=True)

    def links(self, path: PurePosixPath) -> list[PurePosixPath]:
        """Return the paths of the links in a folder; a missing folder has none."""
        with _ignore_absence(), filesystem_errors(path):
            place = self._inside.folder(path)
            return [path / name for name, found in self._calls.entries(place) if found.is_link]
        return []

    def attempt_folder(self, path: PurePosixPath, identity: str | None = None) -> SftpFolder:
        """Return a folder of an attempt, which need not exist."""
        return SftpFolder(self._inside, path, identity)

    @property
    def _calls(self) -> Calls:
        return self._sessions.first()

    def _below(
        self, path: PurePosixPath, place: str, prefix: str, omit: Callable[[str], None]
    ) -> Iterator[tuple[str, int]]:
        check_depth(path, f"{prefix}/")
        with filesystem_errors(path):
            entries = dict(self._calls.entries(place))
        visible = {*self._inside.visible(place, list(entries))}
        for name, found in sorted(entries.items()):
            below = os.path.normpath(f"{prefix}/{name}").lstrip("/")
            if name not in visible:
                omit(below)
            elif found.is_folder:
                yield from self._below(path, f"{place}/{name}", below, omit)
            elif found.is_link:
                with self.read(path / below) as source:
                    yield below, source.size
            elif found.is_file and not is_temporary(name):
                yield below, found.size

    def _forget(self, name: str) -> None:
        """Remove a temporary file; one that cannot be reached is left to `discard`."""
        with suppress(OSError, FilesystemError):
            self._calls.remove(name)


def _open_temporary(calls: Calls, name: str) -> bytes:
    """Open the temporary file, or create it; a name that is not of a plain file is refused."""
    try:
        check_plain(calls.lstat(name), name)
    except FileNotFoundError:
        return calls.open(name, _WRITING | Flag.CREATE | Flag.EXCLUSIVE)
    return calls.open(name, _WRITING)


@contextmanager
def _ignore_absence() -> Iterator[None]:
    try:
        yield
    except FilesystemError as error:
        if not isinstance(error.__cause__, _ABSENT):
            raise
