"""Opening: the filesystem of a cluster, confined to the roots of one owner, or its control folder."""

import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.shared import SharedFilesystem


def open_filesystem(cluster: Cluster, owner: str) -> SharedFilesystem:
    """Return the owner's part of the cluster's filesystem, without the gateway's own files."""
    folders = owner_roots(cluster, owner)
    return SharedFilesystem(folders.roots, folders.own, protected=(cluster.control,))


def open_control(cluster: Cluster) -> SharedFilesystem:
    """Return the control folder of the cluster; create it for this account alone.

    Raises
    ------
    FilesystemError
        When its parent is missing, or when it belongs to another account.
    """
    with filesystem_errors(cluster.control):
        _make_private(cluster.control)
    return SharedFilesystem((cluster.control,))


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
