"""Bounds of the listing of a folder: its depth, and the entries of one folder, held in memory."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from gateway.errors import FilesystemError

DEEPEST = 200  # folders in one another
MOST_ENTRIES, MOST_NAME_BYTES = 500_000, 32 << 20  # of one folder


class EntryCount:
    """The entries of one folder so far; raises FilesystemError beyond a bound."""

    def __init__(self, folder: PurePosixPath | str) -> None:
        self._folder, self._entries, self._bytes = folder, 0, 0

    def add(self, name: str) -> None:
        """Count an entry."""
        self._entries += 1
        self._bytes += len(name)
        if self._entries > MOST_ENTRIES or self._bytes > MOST_NAME_BYTES:
            raise FilesystemError(
                f"{self._folder} has more than {MOST_ENTRIES:,} entries on the cluster, or names of more than"
                f" {MOST_NAME_BYTES:,} bytes: use several folders"
            )


def bounded_names(folder: PurePosixPath, names: Iterable[str]) -> Iterator[str]:
    """Yield the names of a folder up to the bounds."""
    count = EntryCount(folder)
    for name in names:
        count.add(name)
        yield name


def check_depth(folder: PurePosixPath, below: str) -> None:
    """Raise FilesystemError for a place that is too deep below a folder."""
    if below.count("/") > DEEPEST:
        raise FilesystemError(f"{folder} holds folders that are more than {DEEPEST} deep: take a deeper one")
