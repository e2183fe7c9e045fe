"""The files of this installation: executed, imported or trusted by the worker that runs this code."""

import os
import pwd
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from sqlalchemy import make_url

from gateway.clusters.protected import interpreter_paths
from gateway.db import sqlite_file
from gateway.settings import ENV_FILE, SECRETS, get_settings

_PACKAGE = Path(__file__).parents[1]
_LIBRARY = re.compile(r"^\S+ ..x\S*(?: +\S+){3} +(/.*)/[^/\n]+$", re.MULTILINE)  # its folder
_SEARCHED = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")
_DATABASE_FILES = ("", "-journal", "-wal", "-shm")  # SQLite believes each of them


def installation_paths() -> tuple[PurePosixPath, ...]:
    """Return the folders of programs, packages and libraries, and the files of the settings."""
    imported = (entry for entry in sys.path if entry)
    ours = (sys.prefix, sys.base_prefix, _PACKAGE, _PACKAGE.parent)
    found = (*imported, *ours, *_searched(), *_settings_files())
    return tuple(PurePosixPath(Path(each).absolute()) for each in dict.fromkeys(map(str, found)))


def account_homes() -> tuple[PurePosixPath, ...]:
    """Return the homes of this account: in its environment, and in the list of accounts."""
    found = [os.environ.get("HOME", "")]
    with suppress(KeyError):
        found.append(pwd.getpwuid(os.geteuid()).pw_dir)
    return tuple(PurePosixPath(each) for each in found if each.startswith("/"))


def _searched() -> Iterator[str]:
    """Yield the folders of programs and libraries: those that are searched, and those of the loaded ones."""
    for name in _SEARCHED:
        yield from (each for each in re.split("[:; ]", os.environ.get(name, "")) if each.startswith("/"))
    with suppress(OSError):
        yield from dict.fromkeys(_LIBRARY.findall(os.fsdecode(Path("/proc/self/maps").read_bytes())))


def _settings_files() -> Iterator[str | Path]:
    settings = get_settings()
    yield from (SECRETS, os.environ.get(ENV_FILE) or ".env", settings.infrastructures)
    yield from (each for each in (settings.credentials_key_file, settings.ca_bundle) if each)
    url = make_url(settings.database_url.get_secret_value())
    if database := sqlite_file(url):
        yield from (f"{database}{ending}" for ending in _DATABASE_FILES)


def node_paths(python: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield the folders of the nodes' interpreter that follow from its links and its `.pth` files."""
    if not python.is_absolute():
        return
    yield from interpreter_paths(PurePosixPath(os.path.realpath(python)))
    for file in Path(python.parent.parent).glob("lib/python3*/site-packages/*.pth"):
        with suppress(OSError):
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from (PurePosixPath(line) for line in lines if line.startswith("/"))
