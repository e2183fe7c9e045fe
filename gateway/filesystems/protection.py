"""Protection: the files and folders inside the roots of a filesystem that no client may reach.

A place is compared by its path without links and by its inode: the path covers all that lies below a
protected folder, and a folder that does not exist yet; the inode covers a second name of the same folder.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import PurePosixPath


class Protection:
    """The protected paths of one cluster, as they are at the first look."""

    def __init__(self, paths: Iterable[PurePosixPath] = ()) -> None:
        self._paths = tuple(map(str, paths))

    def covers(self, real: str, found: os.stat_result | None) -> bool:
        """Return whether a place is protected: its path without links, and its status if it exists."""
        below = f"{real}/".startswith(self._prefixes)
        return below or (found is not None and (found.st_dev, found.st_ino) in self._inodes)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(f"{each}/" for path in self._paths for each in (path, os.path.realpath(path)))

    @cached_property
    def _inodes(self) -> frozenset[tuple[int, int]]:
        inodes = set()
        for path in self._paths:
            with suppress(OSError):
                found = os.stat(path)  # noqa: PTH116  a Path costs as much as the call itself
                inodes.add((found.st_dev, found.st_ino))
        return frozenset(inodes)
