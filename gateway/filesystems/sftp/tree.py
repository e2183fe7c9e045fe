"""Removal of a folder over SFTP with all below it; links are removed and not followed."""

from contextlib import suppress

from gateway.filesystems.listing_bounds import DEEPEST
from gateway.filesystems.sftp.calls import Calls


def remove_tree(calls: Calls, folder: str, depth: int = 0) -> None:
    """Remove the folder; raise OSError for one that is missing or nested too deeply."""
    if depth > DEEPEST:
        raise RecursionError
    for name, found in list(calls.entries(folder)):
        below = f"{folder}/{name}"
        if found.is_folder:
            remove_tree(calls, below, depth + 1)
        else:
            with suppress(FileNotFoundError):
                calls.remove(below)
    calls.remove_folder(folder)
