"""Listing: names and sizes of the files below a prefix of a store, or below a folder of a cluster."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from gateway.egress.bounds import LARGEST_FILE_BYTES, LISTING_S, NAMES_BYTES
from gateway.egress.patience import within
from gateway.errors import StorageError
from gateway.filesystems.base import Filesystem
from gateway.storage.remote import Prefix
from gateway.transfers.staging.attempt import Progress


def list_objects(prefix: Prefix, progress: Progress, most: int) -> list[tuple[str, int]]:
    """Return name and size of each object below a prefix: at most one more than `most`."""
    with prefix.watched(within(LISTING_S, partial(progress.advance, 0), "the store")):
        return _collect(prefix.below(), progress, most)


def list_files(
    filesystem: Filesystem,
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
    names = total = 0
    for name, size in islice(found, most + 1):
        progress.advance(0)
        collected.append((name, size))
        names, total = names + len(name), total + size
        if names > NAMES_BYTES:
            raise StorageError(f"the names below it have more than {NAMES_BYTES} bytes: take smaller parts")
        if total > LARGEST_FILE_BYTES:
            raise StorageError(f"the files below it have {total} bytes, which no filesystem can hold")
    return collected
