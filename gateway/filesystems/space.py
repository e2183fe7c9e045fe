"""Free space of a cluster's filesystem, compared with the size that a file is going to have."""

import os
from pathlib import PurePosixPath

from gateway.errors import Fault, FilesystemError
from gateway.filesystems.errors import filesystem_errors

_BLOCK_BYTES = 512  # of st_blocks, on every filesystem


def check_space(fd: int, path: PurePosixPath, size: int) -> None:
    """Raise FilesystemError when the open file cannot grow to that size; a quota is the system's to judge."""
    with filesystem_errors(path):
        whole, file = os.fstatvfs(fd), os.fstat(fd)
    free = whole.f_bfree * whole.f_frsize + file.st_blocks * _BLOCK_BYTES
    if whole.f_blocks and size > free:  # a filesystem without a limit gives no blocks
        raise FilesystemError(
            f"no space is left on the cluster for {path}: it has {size} bytes or more, and {free} are free;"
            " free some and retry",
            Fault.SPACE,
        )
