"""Interpreters of a cluster: the folders that they import from, by links, `pyvenv.cfg` and `.pth` files.

A virtual environment imports the standard library of the interpreter that it was made with.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Protocol

from gateway.clusters.protected import interpreter_paths

TEXT_BYTES = 64 << 10
_MOST_BASES = 8
_LIBRARIES = ("lib", "lib64")
_PACKAGES = ("site-packages", "dist-packages")
_FINDER = "__editable__*.py"  # of setuptools: it maps packages to folders elsewhere
_QUOTED = re.compile(r"""['"](/[^'"\n]+)['"]""")


class ClusterFiles(Protocol):
    """Reads of a cluster's files: of a missing file no text, of a missing folder no names."""

    def real(self, path: PurePosixPath) -> PurePosixPath:
        """Return the path without links."""

    def names(self, folder: PurePosixPath) -> list[str]:
        """Return the names in a folder."""

    def text(self, path: PurePosixPath) -> str:
        """Return the beginning of a file."""


def imported_folders(python: PurePosixPath, files: ClusterFiles) -> Iterator[PurePosixPath]:
    """Yield the folders that an interpreter executes and imports, with those of its bases."""
    if not python.is_absolute():
        return
    for each in _with_bases(python, files):
        yield from interpreter_paths(each)
        for site in _site_folders(each.parent.parent, files):
            yield from _added_folders(site, files)


def _with_bases(python: PurePosixPath, files: ClusterFiles) -> list[PurePosixPath]:
    """Return the interpreter, the one that it is a link to, and those that environments are made with."""
    found = [python]
    for each in found:
        bases = dict.fromkeys((files.real(each), *_homes(each, files)))
        found += [base for base in bases if base not in found and len(found) < _MOST_BASES]
    return found


def _homes(python: PurePosixPath, files: ClusterFiles) -> Iterator[PurePosixPath]:
    for folder in (python.parent, python.parent.parent):
        for line in files.text(folder / "pyvenv.cfg").splitlines():
            key, _, value = (part.strip() for part in line.partition("="))
            if key.lower() == "home" and value.startswith("/"):
                yield PurePosixPath(value, python.name)


def _site_folders(prefix: PurePosixPath, files: ClusterFiles) -> Iterator[PurePosixPath]:
    for library in _LIBRARIES:
        for name in files.names(prefix / library):
            if name.startswith("python3"):
                yield from (prefix / library / name / packages for packages in _PACKAGES)


def _added_folders(site: PurePosixPath, files: ClusterFiles) -> Iterator[PurePosixPath]:
    """Yield the folders that the files of a folder of packages add to the path of imports."""
    for name in files.names(site):
        if name.endswith(".pth"):
            lines = (line.strip() for line in files.text(site / name).splitlines())
            added = (line for line in lines if line and not line.startswith(("#", "import ", "import\t")))
            yield from (PurePosixPath(os.path.normpath(site / line)) for line in added if "\0" not in line)
        elif fnmatch(name, _FINDER):
            yield from map(PurePosixPath, _QUOTED.findall(files.text(site / name)))


class SharedFiles:
    """The files of this machine."""

    def real(self, path: PurePosixPath) -> PurePosixPath:
        """Return the path without links."""
        return PurePosixPath(os.path.realpath(path))

    def names(self, folder: PurePosixPath) -> list[str]:
        """Return the names in a folder."""
        with suppress(OSError):
            return [each.name for each in Path(folder).iterdir()]
        return []

    def text(self, path: PurePosixPath) -> str:
        """Return the beginning of a file."""
        with suppress(OSError), Path(path).open("rb") as file:
            return file.read(TEXT_BYTES).decode(errors="replace")
        return ""
