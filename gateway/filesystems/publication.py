"""Publication: a written file takes its name, in place of an existing file or only where there is none."""

import ctypes
import errno
import os
import stat
from enum import Enum, auto
from pathlib import PurePosixPath

from gateway.errors import Fault, FilesystemError

_PIECE_BYTES = 1 << 20
_RENAME_NOREPLACE = 1
_NO_RENAME = frozenset({errno.EINVAL, errno.ENOSYS})  # NFS, for one, which has hard links
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_libc = ctypes.CDLL(None, use_errno=True)


class Existing(Enum):
    """The rule for a file that exists at the destination.

    KEEP_EQUAL is for a later claim of one transfer: an earlier one may have published the file and ended
    before its row was complete. So a file with the same bytes counts as published, and any other is refused.
    """

    REPLACE = auto()
    REFUSE = auto()
    KEEP_EQUAL = auto()


def check_destination(folder: int, path: PurePosixPath, existing: Existing) -> None:
    """Raise FilesystemError for a destination that cannot be published, before a byte is moved."""
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise folder_error(path)
    if existing is Existing.REFUSE:
        raise existing_error(path)


def publish_file(folder: int, fd: int, part: str, path: PurePosixPath, existing: Existing) -> None:
    """Give the written file `part`, open as `fd`, the last name of `path` in the folder, in one step."""
    if existing is Existing.REPLACE:
        os.rename(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    try:
        _rename_to_new(folder, part, path.name)
    except FileExistsError:
        if existing is Existing.REFUSE or not _is_equal(fd, folder, path.name):
            raise existing_error(path) from None
        os.unlink(part, dir_fd=folder)


def _rename_to_new(folder: int, old: str, new: str) -> None:
    """Rename a file to a name that does not exist; raise FileExistsError when it does."""
    names = os.fsencode(old), os.fsencode(new)
    if _libc.renameat2(folder, names[0], folder, names[1], _RENAME_NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    if code not in _NO_RENAME:
        raise OSError(code, os.strerror(code))
    os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(old, dir_fd=folder)


def _is_equal(fd: int, folder: int, name: str) -> bool:
    """Return whether the file of that name is a regular one with the bytes of the descriptor."""
    try:
        other = os.open(name, _READ, dir_fd=folder)
    except OSError:  # a link, or without permission
        return False
    try:
        ours, theirs = os.fstat(fd), os.fstat(other)
        if not stat.S_ISREG(theirs.st_mode) or ours.st_size != theirs.st_size:
            return False
        starts = range(0, ours.st_size, _PIECE_BYTES)
        return all(os.pread(fd, _PIECE_BYTES, n) == os.pread(other, _PIECE_BYTES, n) for n in starts)
    finally:
        os.close(other)


def folder_error(path: PurePosixPath) -> FilesystemError:
    """Return the error for a folder in the place of a file."""
    return FilesystemError(f"{path} is a folder on the cluster where a file is needed: add a file name")


def existing_error(path: PurePosixPath) -> FilesystemError:
    """Return the error for a file that may not be replaced."""
    return FilesystemError(
        f"{path} exists on the cluster, and `overwrite` is false: choose another path, or leave it out",
        Fault.NAME,
    )
