"""Confinement over SFTP: paths are resolved by the server, and judged without links before they are used.

SFTP has no descriptors of folders. A link that is made between the judgement and the use leads further than
it should; an account of the cluster that may write into the owner's folders can make one, and no request can.
"""

import errno
from collections.abc import Sequence
from pathlib import PurePosixPath

from gateway.clusters.protected import ProtectedPaths
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.confinement import PROTECTED, Judge
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.sessions import Sessions


class SftpConfinement:
    """The roots of a filesystem behind SFTP, and the places inside them that are out of reach."""

    def __init__(
        self,
        sessions: Sessions,
        roots: Sequence[PurePosixPath],
        own: Sequence[PurePosixPath],
        protected: ProtectedPaths,
        judge: Judge,
    ) -> None:
        self.sessions, self.roots = sessions, tuple(roots)
        self._own, self._protected, self._judge = own, protected, judge
        self._real_roots: tuple[str, ...] = ()

    def entry(self, path: PurePosixPath, *, create: bool = False) -> str:
        """Return the path, in a folder without links, of a file or folder to write or remove."""
        if path in self.roots:
            return self._checked(str(path), path, write=True)
        folder = self.folder(path.parent, write=True, create=create)
        self._check(f"{folder}/{path.name}", path, write=True)
        return f"{folder}/{path.name}"

    def folder(self, path: PurePosixPath, *, write: bool = False, create: bool = False) -> str:
        """Return the path of a folder without links; create missing folders if asked to."""
        self._root(path)
        if create:
            self._create(path)
        real = self._checked(str(path), path, write=write)
        if create:
            with filesystem_errors(path):
                if not self._calls.stat(real).is_folder:
                    raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
        return real

    def target(self, path: PurePosixPath) -> str:
        """Return the path without links of something to read."""
        self._root(path)
        return self._checked(str(path), path, write=False)

    def visible(self, folder: str, names: Sequence[str]) -> list[str]:
        """Return the names in a folder without links that may be listed."""
        refused = self._judge([f"{folder}/{name}" for name in names], write=False)
        return [
            name
            for name in names
            if f"{folder}/{name}" not in refused and not self._protected.cover(f"{folder}/{name}")
        ]

    def _checked(self, text: str, path: PurePosixPath, *, write: bool) -> str:
        with filesystem_errors(path):
            real = self._calls.real_path(text)
        self._check(real, path, write=write)
        return real

    def _check(self, real: str, path: PurePosixPath, *, write: bool) -> None:
        """Raise FilesystemError for a place without links that is out of reach, whether it exists or not."""
        if not any(_is_below(real, root) for root in self._roots()):
            raise _refusal(path, "leads through a symbolic link out of the folders that are allowed")
        if self._protected.cover(real):
            raise _refusal(path, PROTECTED)
        if reason := self._judge([real], write=write).get(real):
            raise _refusal(path, reason)

    def _create(self, path: PurePosixPath) -> None:
        """Create the missing folders, each in one that was judged."""
        missing = []
        with filesystem_errors(path):
            above = path
            while not self._is_there(above) and self._may_create(above):
                missing.append(above)
                above = above.parent
        if not missing:
            return
        place = self._checked(str(above), path, write=True) if self._is_inside(above) else str(above)
        for folder in reversed(missing):
            place = f"{place.rstrip('/')}/{folder.name}"
            if self._is_inside(folder):
                self._check(place, path, write=True)
            with filesystem_errors(path):
                try:
                    self._calls.make_folder(place, 0o700 if folder in self._own else None)
                except FileExistsError:
                    continue

    def _may_create(self, folder: PurePosixPath) -> bool:
        """Tell whether a folder is below a root, or one of the gateway's own."""
        return folder in self._own or any(
            folder != root and folder.is_relative_to(root) for root in self.roots
        )

    def _is_inside(self, folder: PurePosixPath) -> bool:
        return any(folder.is_relative_to(root) for root in self.roots)

    def _is_there(self, path: PurePosixPath) -> bool:
        try:
            self._calls.stat(str(path))
        except FileNotFoundError:
            return False
        return True

    def _roots(self) -> tuple[str, ...]:
        """Return the roots as the server resolves them; one that is missing counts as it is named."""
        if not self._real_roots:
            self._real_roots = tuple(real_path(self._calls, root) for root in self.roots)
        return self._real_roots

    def _root(self, path: PurePosixPath) -> None:
        if not self._is_inside(path) or ".." in path.parts:
            raise FilesystemError(
                f"{path} leaves the folders that are allowed on the cluster", Fault.PERMISSION
            )

    @property
    def _calls(self) -> Calls:
        return self.sessions.first()


def is_folder(calls: Calls, path: str) -> bool:
    """Return whether there is a folder."""
    try:
        return calls.stat(path).is_folder
    except (FileNotFoundError, NotADirectoryError):
        return False


def real_path(calls: Calls, path: PurePosixPath) -> str:
    """Return the path without links, or as it is named when a part of it is missing."""
    try:
        return calls.real_path(str(path))
    except OSError:
        return str(path)


def _refusal(path: PurePosixPath, reason: str) -> FilesystemError:
    return FilesystemError(f"{path} {reason}", Fault.PERMISSION)


def _is_below(real: str, root: str) -> bool:
    return real == root or real.startswith(f"{root.rstrip('/')}/")
