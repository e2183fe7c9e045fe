"""Opening: the filesystem of a cluster, confined to the roots of one owner, or its control folder."""

import os
import stat
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots, protected_places, with_configured
from gateway.clusters.protected import interpreters
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.base import Filesystem
from gateway.filesystems.confinement import Judge, judge_nothing
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.installation import account_homes, installation_paths
from gateway.filesystems.interpreters import SharedFiles, imported_folders
from gateway.filesystems.protection import Protection
from gateway.filesystems.sftp.confinement import is_folder, real_path
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.protection import make_private, remote_protection
from gateway.filesystems.sftp.sessions import Sessions
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import get_settings

LOOK_AGAIN_S = 10.0


def open_filesystem(cluster: Cluster, owner: str, judge: Judge = judge_nothing) -> Filesystem:
    """Return the owner's part of the cluster's filesystem, without protected places.

    `judge` refuses further places; a filesystem for the requests of clients needs one.
    """
    folders = owner_roots(cluster, owner)
    period = int(time.monotonic() / LOOK_AGAIN_S)
    if cluster.files == "sftp":
        sessions = _sessions(cluster, os.getpid())
        protected = remote_protection(sessions, cluster, owner, period)
        return SftpFilesystem(sessions, folders.roots, folders.own, protected=protected, judge=judge)
    protection = _protection(cluster, owner, period)
    return SharedFilesystem(folders.roots, folders.own, protection=protection, judge=judge)


@lru_cache(maxsize=256)
def _protection(cluster: Cluster, owner: str, period: int) -> Protection:
    """Return the protected places as they are in this period: each file would cost a look at all of them."""
    homes, paths, closed, roots = protected_places(cluster, owner)
    programs = [python for each in with_configured(cluster) for python in interpreters(each)]
    judge = PurePosixPath(get_settings().judge_python)
    imported = (path for python in (judge, *programs) for path in _imported(python, period))
    paths = tuple(dict.fromkeys((*paths, *imported, *installation_paths())))
    return Protection((*homes, *account_homes()), paths, closed, roots)


@lru_cache(maxsize=64)
def _imported(python: PurePosixPath, _period: int) -> tuple[PurePosixPath, ...]:
    """Return the folders from which an interpreter imports, as they are in this period."""
    return tuple(dict.fromkeys(imported_folders(python, SharedFiles())))


@lru_cache(maxsize=256)
def _sessions(cluster: Cluster, _process: int) -> Sessions:
    """Return the SFTP sessions of the cluster in this process."""
    return Sessions(cluster)


def spellings(cluster: Cluster, folder: PurePosixPath) -> tuple[str, ...]:
    """Return a folder of the cluster as it is named, and without links."""
    if cluster.files == "sftp":
        return (str(folder), real_path(_sessions(cluster, os.getpid()).first(), folder))
    return (str(folder), os.path.realpath(folder))


def missing_folders(cluster: Cluster) -> list[str]:
    """Return the folders of the operator's on the cluster that are not there."""
    if cluster.files == "sftp":
        calls = _sessions(cluster, os.getpid()).first()
        return [str(root) for root in cluster.base_folders if not is_folder(calls, str(root))]
    return [str(root) for root in cluster.base_folders if not Path(root).is_dir()]


def open_control_root(cluster: Cluster, root: PurePosixPath) -> Filesystem:
    """Return a control folder in which jobs of the cluster have begun; it is not created."""
    if cluster.files == "sftp":
        return SftpFilesystem(_sessions(cluster, os.getpid()), (root,))
    return SharedFilesystem((root,))


def open_control(cluster: Cluster) -> Filesystem:
    """Return the control folder of the cluster; create it for this account alone.

    Raises
    ------
    FilesystemError
        When its parent is missing, or when it belongs to another account.
    """
    with filesystem_errors(cluster.control):
        if cluster.files == "sftp":
            make_private(_sessions(cluster, os.getpid()).first(), cluster.control)
        else:
            _make_private(cluster.control)
    return open_control_root(cluster, cluster.control)


def _make_private(folder: PurePosixPath) -> None:
    """Create the folder, or take away the access of other accounts."""
    with suppress(FileExistsError):
        Path(folder).mkdir(0o700)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid():
            raise FilesystemError(
                f"{folder} belongs to the account with the number {found.st_uid} and this worker runs as"
                f" {os.geteuid()}: give the folder to the worker's account, or set another `control`",
                Fault.PERMISSION,
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(fd, 0o700)
    finally:
        os.close(fd)
