"""Protection: the files and folders inside the roots of a filesystem that no client may reach.

A place is compared by its path without links and by its inode: the path covers all that lies below a
protected folder, and a folder that does not exist yet; the inode covers a second name of the same folder.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path, PurePosixPath

from gateway.clusters.protected import ProtectedPaths

_Inode = tuple[int, int]
_MOST_LINKS = 40  # as the kernel follows


class Protection:
    """The protected paths between the roots of one owner, as they are when it is made."""

    def __init__(
        self,
        homes: Sequence[PurePosixPath] = (),
        paths: Sequence[PurePosixPath] = (),
        closed: Sequence[PurePosixPath] = (),
        roots: Sequence[PurePosixPath] = (),
    ) -> None:
        given = (homes, paths, closed, roots)
        self._paths = ProtectedPaths.of(*given) | ProtectedPaths.of(*(map(_real, each) for each in given))
        opened = [_real(root) for root in roots]
        passed = (path for path in paths if not _holds(_real(path), opened))
        links = (link for path in dict.fromkeys((*homes, *paths, *closed)) for link in _links(path))
        self._inodes = frozenset((*_inodes([*closed, *passed]), *links))
        self._homes = frozenset(_inodes(homes))

    def covers_path(self, real: str) -> bool:
        """Return whether a path without links is protected or lies below a protected folder."""
        return self._paths.cover(real)

    def covers_file(self, found: os.stat_result) -> bool:
        """Return whether a file or folder is a protected one, or a link that leads to one, by its inode."""
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
    return any(root.is_relative_to(path) for root in roots)


def _inodes(paths: Iterable[PurePosixPath | str]) -> Iterator[_Inode]:
    for path in paths:
        with suppress(OSError):
            yield _inode(os.stat(path))  # noqa: PTH116  a Path costs as much as the call itself


def _links(path: PurePosixPath) -> Iterator[_Inode]:
    """Yield the links through which a path goes: a file in the place of one would cut the path off."""
    for _ in range(_MOST_LINKS):
        link = next((each for each in (*reversed(path.parents), path) if Path(each).is_symlink()), None)
        if link is None:
            return
        with suppress(OSError):
            yield _inode(Path(link).lstat())
            target = link.parent / Path(link).readlink() / path.relative_to(link)
            path = PurePosixPath(os.path.normpath(target))


def _inode(found: os.stat_result) -> _Inode:
    return found.st_dev, found.st_ino


UNPROTECTED = Protection()
