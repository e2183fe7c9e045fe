"""Protected places of a cluster behind SFTP: by their names, and as the server resolves them."""

import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import protected_places
from gateway.clusters.protected import ProtectedPaths, interpreters
from gateway.filesystems.interpreters import imported_folders
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.confinement import real_path
from gateway.filesystems.sftp.packets import Flag
from gateway.filesystems.sftp.sessions import Sessions

_PRIVATE = 0o700
_SAFE_BYTES = 32768  # of one read, which every server takes


@lru_cache(maxsize=256)
def remote_protection(sessions: Sessions, cluster: Cluster, owner: str, period: int) -> ProtectedPaths:
    """Return the protected places as they are in this period: each file would cost a look at all of them."""
    places, files = protected_places(cluster, owner), RemoteFiles(sessions.first())
    programs = (path for python in interpreters(cluster) for path in _imported(sessions, python, period // 6))
    paths = dict.fromkeys((*places.paths, *programs))
    resolved = ProtectedPaths.of(
        (files.real(cluster.home),),
        (*paths, *_resolved(sessions, tuple(paths), period)),
        (files.real(cluster.control),),
        map(files.real, places.roots),
    )
    return ProtectedPaths.of(*places) | resolved


@lru_cache(maxsize=64)
def _imported(sessions: Sessions, python: PurePosixPath, _period: int) -> tuple[PurePosixPath, ...]:
    """Return the folders from which an interpreter imports; they change less often than links."""
    return tuple(dict.fromkeys(imported_folders(python, RemoteFiles(sessions.first()))))


@lru_cache(maxsize=256)
def _resolved(
    sessions: Sessions, paths: tuple[PurePosixPath, ...], _period: int
) -> tuple[PurePosixPath, ...]:
    """Return the paths without links, apart from the folders of the system."""
    files = RemoteFiles(sessions.first())
    return tuple(map(files.real, (path for path in paths if path.parent.name)))


class RemoteFiles:
    """The files of the cluster, as the server shows them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def real(self, path: PurePosixPath) -> PurePosixPath:
        """Return the path without links."""
        return PurePosixPath(real_path(self._calls, path))

    def names(self, folder: PurePosixPath) -> list[str]:
        """Return the names in a folder."""
        with suppress(OSError):
            return [name for name, _ in self._calls.entries(str(folder))]
        return []

    def text(self, path: PurePosixPath) -> str:
        """Return the beginning of a file."""
        with suppress(OSError):
            handle = self._calls.open(str(path), Flag.READ)
            try:
                return self._calls.data_of(self._calls.read(handle, 0, _SAFE_BYTES)).decode(errors="replace")
            finally:
                self._calls.close(handle)
        return ""


def make_private(calls: Calls, folder: PurePosixPath) -> None:
    """Create the folder for its account alone, or take away the access of other accounts."""
    try:
        calls.make_folder(str(folder), _PRIVATE)
    except FileExistsError:
        found = calls.stat(str(folder))
        if not found.is_folder:
            raise
        if stat.S_IMODE(found.mode) == _PRIVATE:
            return
    calls.set_mode(str(folder), _PRIVATE)
