"""Protected paths of a cluster, by text: the files that the gateway and its jobs execute, import or trust.

Roots and protected folders may lie in one another in any order, and the nearest one above a path decides: the
home may be a root although its dot files are protected, and a root may lie in the folder of an interpreter.
No root opens a part of a control folder. The places of all clusters count, as clusters share filesystems.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

from gateway.clusters.configuration import Cluster

# Folders in which filesystems (NetApp, Spectrum Scale, CephFS, ZFS) show copies of all their files,
# protected ones among them.
_SNAPSHOTS = ("/.snapshot/", "/.snapshots/", "/.snap/", "/.zfs/")
# The parts of an interpreter's prefix, for a prefix that is itself the home or a root.
_INTERPRETER = ("bin", "lib", "lib64", "pyvenv.cfg")
_PROGRAMS = ("bin", "sbin")
# Ranks that MPI connects through UCX read it from their home; it may name folders of libraries to load.
_UCX = "ucx.conf"
# The folders of the operating system, for a root that holds them; a root inside one of them is open.
_SYSTEM = (
    *("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "opt"),
    *("proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"),
)


class ProtectedPlaces(NamedTuple):
    """Homes with dot files, protected paths, those that no root opens, and the roots between them."""

    homes: tuple[PurePosixPath, ...] = ()
    paths: tuple[PurePosixPath, ...] = ()
    closed: tuple[PurePosixPath, ...] = ()
    roots: tuple[PurePosixPath, ...] = ()


@dataclass(frozen=True)
class ProtectedPaths:
    """The starts of protected paths, of those that no root opens, and of roots: folders with a slash."""

    protected: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        homes: Iterable[PurePosixPath],
        paths: Iterable[PurePosixPath],
        closed: Iterable[PurePosixPath],
        roots: Iterable[PurePosixPath],
    ) -> "ProtectedPaths":
        """Return the paths, the closed ones and the dot files of the homes as protected between the roots."""
        dots = (f"{_folder(home)}." for home in homes)
        return cls((*dots, *map(_folder, paths)), tuple(map(_folder, closed)), tuple(map(_folder, roots)))

    def __or__(self, other: "ProtectedPaths") -> "ProtectedPaths":
        """Return the starts of both."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return ProtectedPaths(*(tuple(dict.fromkeys(mine + theirs)) for mine, theirs in pairs))

    def cover(self, path: str) -> bool:
        """Return whether a normalised path is protected, or lies below a protected folder."""
        place = f"{path}/"
        if any(snapshots in place for snapshots in _SNAPSHOTS):
            return True
        return next(place.startswith(starts) for root, starts in self._starts if place.startswith(root))

    @cached_property
    def _starts(self) -> list[tuple[str, tuple[str, ...]]]:
        """The roots, the deepest first, each with the starts inside it; at last the place of all roots."""
        inside = {
            root: tuple(each for each in self.protected if each.startswith(root) and each != root)
            for root in sorted({"", *self.roots}, key=len, reverse=True)
        }
        return [(root, (*self.closed, *starts)) for root, starts in inside.items()]


def protected_paths(cluster: Cluster) -> tuple[PurePosixPath, ...]:
    """Return the protected paths that the configuration names, beside control folder and dot files."""
    return (
        *(PurePosixPath("/", name) for name in _SYSTEM),
        cluster.home / _UCX,
        cluster.slurm_conf,
        cluster.slurm_conf.parent,  # files that it includes, and scripts beside it
        *(path for python in interpreters(cluster) for path in interpreter_paths(python)),
        *(path for folder in _program_folders(cluster) for path in _program_paths(folder)),
    )


def interpreters(cluster: Cluster) -> tuple[PurePosixPath, ...]:
    """Return the interpreter of the nodes; where its name alone is known, the places that PATH has for it."""
    python = PurePosixPath(cluster.python)
    if python.is_absolute():
        return (python,)
    return tuple(folder / python for folder in _program_folders(cluster) if folder.name in _PROGRAMS)


def _program_folders(cluster: Cluster) -> Iterator[PurePosixPath]:
    folders = (PurePosixPath(each) for each in cluster.path.split(":"))
    return (folder for folder in folders if folder.is_absolute())


def _program_paths(folder: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield a folder of programs, and the folders beside it from which they load libraries and plugins."""
    yield folder
    if folder.name in _PROGRAMS:
        yield from (folder.parent, *(folder.parent / name for name in _INTERPRETER))


def interpreter_paths(python: PurePosixPath) -> tuple[PurePosixPath, ...]:
    """Return the folders that an interpreter executes and imports; none where only its name is known."""
    if not python.is_absolute():
        return ()
    prefix = python.parent.parent
    return (python, prefix, *(prefix / name for name in _INTERPRETER))


def _folder(path: PurePosixPath) -> str:
    return f"{str(path).rstrip('/')}/"
