"""Protected places of a cluster behind SFTP: by their names, and as the server resolves them."""

import errno
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import protected_places
from gateway.clusters.protected import ProtectedPaths, interpreter_paths
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.confinement import real_path
from gateway.filesystems.sftp.sessions import Sessions

_PRIVATE = 0o700


@lru_cache(maxsize=256)
def remote_protection(sessions: Sessions, cluster: Cluster, owner: str, _period: int) -> ProtectedPaths:
    """Return the protected places as they are in this period: each file would cost a look at all of them."""
    places, calls = protected_places(cluster, owner), sessions.first()

    def resolve(paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
        return [PurePosixPath(real_path(calls, path)) for path in dict.fromkeys(paths)]

    programs = interpreter_paths(PurePosixPath(cluster.python))
    homes, roots = resolve((cluster.home,)), resolve(places.roots)
    resolved = ProtectedPaths.of(homes, resolve(programs), resolve((cluster.control,)), roots)
    return ProtectedPaths.of(*places) | resolved


def make_private(calls: Calls, folder: PurePosixPath) -> None:
    """Create the folder for its account alone, or take away the access of other accounts.

    It is nearly always there as it has to be, which one look tells.
    """
    try:
        found = calls.stat(str(folder))
    except FileNotFoundError:
        with suppress(FileExistsError):
            calls.make_folder(str(folder), _PRIVATE)
        found = calls.stat(str(folder))
    if not found.is_folder:
        raise FileExistsError(errno.EEXIST, "File exists")
    if stat.S_IMODE(found.mode) != _PRIVATE:
        calls.set_mode(str(folder), _PRIVATE)
