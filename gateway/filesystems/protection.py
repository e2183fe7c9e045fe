"""Protection: the files and folders inside the roots of a filesystem that no client may reach.

A place is compared by its path without links and by its inode: the path covers all that lies below a
protected folder, and a folder that does not exist yet; the inode covers a second name of the same folder.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import PurePosixPath

from gateway.clusters.protected import ProtectedPaths

_Inode = tuple[int, int]


class Protection:
    """The protected paths of one cluster between the roots of one owner, as they are when it is made."""

    def __init__(
        self,
        home: PurePosixPath | None = None,
        paths: Sequence[PurePosixPath] = (),
        closed: Sequence[PurePosixPath] = (),
        roots: Sequence[PurePosixPath] = (),
    ) -> None:
        homes = [home] if home else []
        given = (homes, paths, closed, roots)
        self._paths = ProtectedPaths.of(*given) | ProtectedPaths.of(*(map(_real, each) for each in given))
        passed = (path for path in paths if not _holds(path, roots))
        self._inodes = frozenset(_inodes([*closed, *passed]))
        self._homes = frozenset(_inodes(homes))

    def covers_path(self, real: str) -> bool:
        """Return whether a path without links is protected or lies below a protected folder."""
        return self._paths.cover(real)

    def covers_file(self, found: os.stat_result) -> bool:
        """Return whether a file or folder is a protected one, by its inode."""
        return _inode(found) in self._inodes

    def is_home(self, folder: int) -> bool:
        """Return whether an open folder is the home, whose dot files are protected."""
        return bool(self._homes) and _inode(os.fstat(folder)) in self._homes

    def covers_folder_between(self, root: str, real: str) -> bool:
        """Return whether a path goes, below a root, through a second name of a protected folder."""
        base = root.rstrip("/")
        names = real.removeprefix(base).split("/")
        folders = accumulate(names, "{}/{}".format)
        return any(
            inode in self._inodes or (name.startswith(".") and inode in self._homes)
            for folder, name in zip(folders, [*names[1:], ""], strict=True)
            for inode in _inodes([f"{base}{folder}" or "/"])
        )


def _real(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(os.path.realpath(path))


def _holds(path: PurePosixPath, roots: Iterable[PurePosixPath]) -> bool:
    return any(_real(root).is_relative_to(_real(path)) for root in roots)


def _inodes(paths: Iterable[PurePosixPath | str]) -> Iterator[_Inode]:
    for path in paths:
        with suppress(OSError):
            yield _inode(os.stat(path))  # noqa: PTH116  a Path costs as much as the call itself


def _inode(found: os.stat_result) -> _Inode:
    return found.st_dev, found.st_ino


UNPROTECTED = Protection()
