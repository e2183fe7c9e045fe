"""Publication over SFTP: a written file takes its name, in place of a file or only where there is none."""

from pathlib import PurePosixPath

from gateway.filesystems.publication import Existing, existing_error, folder_error
from gateway.filesystems.sftp.calls import Calls, SftpFailure
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
    except SftpFailure:
        calls.lstat(target)  # without it the failure has another cause
        if existing is Existing.REFUSE or not _are_equal(calls, part, target):
            raise existing_error(path) from None
    calls.remove(part)


def _are_equal(calls: Calls, one: str, other: str) -> bool:
    """Return whether both are regular files with the same bytes."""
    sizes = {(found.is_file, found.size) for found in map(calls.lstat, (one, other))}
    if len(sizes) > 1:
        return False
    handles = [calls.open(name, Flag.READ) for name in (one, other)]
    try:
        size = sizes.pop()[1]
        return all(
            len({calls.data_of(calls.read(handle, start, _PIECE_BYTES)) for handle in handles}) == 1
            for start in range(0, size, _PIECE_BYTES)
        )
    finally:
        for handle in handles:
            calls.close(handle)
