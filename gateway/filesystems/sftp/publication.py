"""Publication over SFTP: a written file takes its name, in place of a file or only where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from gateway.filesystems.publication import Existing, existing_error, folder_error
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.packets import Flag

_PIECE_BYTES = 32 << 10  # each server reads so much at once


def check_remote(calls: Calls, target: str, path: PurePosixPath, existing: Existing) -> None:
    """Raise FilesystemError for a destination that cannot be published, before a byte is moved."""
    try:
        found = calls.lstat(target)
    except FileNotFoundError:
        return
    if found.is_folder:
        raise folder_error(path)
    if existing is Existing.REFUSE:
        raise existing_error(path)


def publish_remote(calls: Calls, part: str, target: str, path: PurePosixPath, existing: Existing) -> None:
    """Give the written file `part` its name in one step."""
    if existing is Existing.REPLACE:
        calls.rename(part, target)
        return
    try:
        calls.link(part, target)
    except FileExistsError:
        if existing is Existing.REFUSE or not _are_equal(calls, part, target):
            raise existing_error(path) from None
    calls.remove(part)


def _are_equal(calls: Calls, one: str, other: str) -> bool:
    """Return whether both are regular files with the same bytes; one that may not be read is not."""
    if len({(found.is_file, found.size) for found in map(calls.lstat, (one, other))}) > 1:
        return False
    try:
        with _opened(calls, one) as ours, _opened(calls, other) as theirs:
            size = calls.fstat(ours).size
            return all(
                _piece(calls, ours, n) == _piece(calls, theirs, n) for n in range(0, size, _PIECE_BYTES)
            )
    except PermissionError:
        return False


@contextmanager
def _opened(calls: Calls, name: str) -> Iterator[bytes]:
    handle = calls.open(name, Flag.READ)
    try:
        yield handle
    finally:
        calls.close(handle)


def _piece(calls: Calls, handle: bytes, start: int) -> bytes:
    return calls.data_of(calls.read(handle, start, _PIECE_BYTES))
