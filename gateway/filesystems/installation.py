"""The files of this installation: executed, imported or trusted by the worker that runs this code."""

import os
import pwd
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import gettempdir

from sqlalchemy import make_url

from gateway.absolute_paths import files_of_url
from gateway.clusters.configuration import configured_clusters
from gateway.db import sqlite_file
from gateway.settings import ENV_FILE, SECRETS, get_settings

_PACKAGE = Path(__file__).parents[1]
_LIBRARY = re.compile(r"^\S+ ..x\S*(?: +\S+){3} +(/.*)/[^/\n]+$", re.MULTILINE)  # its folder
_SEARCHED = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")
_DATABASE_FILES = ("", "-journal", "-wal", "-shm")  # SQLite believes each of them


def installation_paths() -> tuple[PurePosixPath, ...]:
    """Return the folders of programs, packages, libraries and temporary files, and the settings' files."""
    imported = (entry for entry in sys.path if entry)
    ours = (sys.prefix, sys.base_prefix, _PACKAGE, _PACKAGE.parent, gettempdir())
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


def _settings_files() -> Iterator[str | Path | PurePosixPath]:
    """Yield the files and folders that the settings name, also in URLs and in the file of the clusters."""
    settings = get_settings()
    yield from (SECRETS, os.environ.get(ENV_FILE) or ".env")
    yield from (value for _, value in settings if isinstance(value, Path))
    for url in (settings.database_url, settings.redis_url):
        yield from files_of_url(url.get_secret_value())
    if database := sqlite_file(make_url(settings.database_url.get_secret_value())):
        yield from (f"{database}{ending}" for ending in _DATABASE_FILES)
    yield from (
        file for cluster in configured_clusters().values() if cluster.ssh for file in cluster.ssh.files
    )
