"""Temporary files beside a destination: their names, and the lock that admits one writer.

Other accounts may hold the folder. So a file of a temporary name counts only when it is regular and has no
second name: by a hard link the gateway would write into the file of that other name.
"""

import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.errors import Fault, FilesystemError, FilesystemUnavailable

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAME = re.compile(r"\..*\.[0-9a-f]{12,32}\.(part|notes)", re.DOTALL)
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
NOTES_LIMIT_BYTES = 1 << 20
_LONGEST_STEM_BYTES = 200  # of 255 for a name, so that the temporary names fit too


@dataclass(frozen=True)
class TemporaryNames:
    """The temporary names of a file: of its bytes and of the notes about them."""

    part: str
    notes: str

    def remove(self, folder: int) -> None:
        """Remove both files from the folder; a missing one is fine."""
        _unlink(folder, self.part)
        self.remove_notes(folder)

    def remove_notes(self, folder: int) -> None:
        """Remove the notes from the folder; missing ones are fine."""
        _unlink(folder, self.notes)


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def temporary_names(name: str, token: str) -> TemporaryNames:
    """Return the temporary names for a file of this name."""
    stem = os.fsdecode(os.fsencode(name)[:_LONGEST_STEM_BYTES])
    return TemporaryNames(f".{stem}.{token}.part", f".{stem}.{token}.notes")


def is_temporary(name: str) -> bool:
    """Return whether a file of this name is a temporary one."""
    return _NAME.fullmatch(name) is not None


def refuse_temporary(path: PurePosixPath) -> None:
    """Raise FilesystemError for a destination with the name of a temporary file: the gateway trusts these."""
    if is_temporary(path.name):
        raise FilesystemError(
            f"{path} has the name of a temporary file of the gateway: choose another name", Fault.PERMISSION
        )


def open_temporary(folder: int, name: str, path: PurePosixPath) -> int:
    """Open the temporary file for this process alone.

    It is opened anew where another process has renamed it, and made anew where the file is not plain.
    """
    while True:
        fd = os.open(name, _FLAGS, 0o666, dir_fd=folder)
        try:
            _lock(fd)
            if os.path.samestat(os.fstat(fd), os.stat(name, dir_fd=folder, follow_symlinks=False)):
                if is_plain(fd):
                    return fd
                _unlink(folder, name)
        except FileNotFoundError:
            pass
        except BlockingIOError as error:
            os.close(fd)
            raise FilesystemUnavailable(
                f"another worker still writes {path} for this transfer; it is tried again"
            ) from error
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def is_plain(fd: int) -> bool:
    """Return whether a descriptor is of a regular file with no second name."""
    found = os.fstat(fd)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _lock(fd: int) -> None:
    """Lock the file where the filesystem can; where it cannot, two workers would write the same bytes."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
