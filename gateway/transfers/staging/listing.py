"""Listing: names and sizes of the files below a prefix of a store, or below a folder of a cluster."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.remote import Prefix
from gateway.transfers.staging.attempt import Progress


def list_objects(prefix: Prefix, progress: Progress, most: int) -> list[tuple[str, int]]:
    """Return name and size of each object below a prefix: at most one more than `most`."""
    with prefix.watched(partial(progress.advance, 0)):
        return _collect(prefix.below(), progress, most)


def list_files(
    filesystem: SharedFilesystem,
    folder: PurePosixPath,
    progress: Progress,
    most: int,
    omit: Callable[[str], None],
) -> list[tuple[str, int]]:
    """Return name and size of each file below a folder: at most one more than `most`.

    `omit` is called with the name of each file or folder that is out of reach.
    """
    return _collect(filesystem.files(folder, omit), progress, most)


def _collect(found: Iterator[tuple[str, int]], progress: Progress, most: int) -> list[tuple[str, int]]:
    collected: list[tuple[str, int]] = []
    for entry in islice(found, most + 1):
        progress.advance(0)
        collected.append(entry)
    return collected
