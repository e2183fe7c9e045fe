"""The start of the gateway's processes: in `/`, without the caller's folder on sys.path, not dumpable.

`python -P -m gateway.processes DESCRIPTOR MODULE:FUNCTION WORDS` is the command of each. The descriptor is a
sealed file in memory with the launcher's settings and environment. The environment that the process begins
with, which /proc/PID/environ shows until its end, has only the variables that loader and interpreter need.
"""

import ctypes
import fcntl
import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from gateway.errors import GatewayError
from gateway.settings import ENV_FILE, adopt_settings, dump_settings, get_settings

CELERY = "celery.__main__:main"
_PR_SET_DUMPABLE = 4
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_PLAIN = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"})
_PLAIN_PREFIXES = ("LC_", "LD_", "PYTHON", "GLIBC_", "MALLOC_")
_OURS = "GATEWAY_"  # read into the settings
_libc = ctypes.CDLL(None)


def plain_environment() -> dict[str, str]:
    """Return the variables that a child process is given: none of them holds a secret."""
    return {name: value for name, value in os.environ.items() if _is_plain(name)}


def _is_plain(name: str) -> bool:
    return name in _PLAIN or name.startswith(_PLAIN_PREFIXES)


def pack() -> bytes:
    """Return this process's settings and its other variables, for `adopt` in another process."""
    others = {n: v for n, v in os.environ.items() if not _is_plain(n) and not n.startswith(_OURS)}
    if named := os.environ.get(ENV_FILE):  # the file is protected from the requests of clients
        others[ENV_FILE] = str(Path(named).absolute())
    return json.dumps({"settings": dump_settings(get_settings()), "environment": others}).encode()


def adopt(packed: bytes) -> None:
    """Make this process undumpable, and take settings and variables from `pack`."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    handed = json.loads(packed)
    adopt_settings(handed["settings"])
    os.environ.update(handed["environment"])


def withdraw() -> None:
    """Remove from the environment all that a child process must not inherit."""
    for name in os.environ.keys() - plain_environment().keys():
        del os.environ[name]


@contextmanager
def sealed() -> Iterator[int]:
    """Open a file in memory with `pack` that cannot be changed; a program that is executed inherits it."""
    descriptor = os.memfd_create("hpc-gateway", os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(pack())
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        yield descriptor
    finally:
        os.close(descriptor)


def command(descriptor: int, entry: str, *words: str) -> list[str]:
    """Return the command line that calls `entry`, a `module:function`, with `words` as its arguments."""
    return [sys.executable, "-P", "-m", "gateway.processes", str(descriptor), entry, *words]


def become(entry: str, *words: str) -> NoReturn:
    """Replace this process by one of the gateway's, which keeps its id: signals reach it."""
    with sealed() as descriptor:
        os.chdir("/")  # Celery and Flower import from their folder, whatever -P says
        argv = command(descriptor, entry, *words)
        os.execve(argv[0], argv, plain_environment())  # noqa: S606  argument list, no shell


def main() -> None:
    """Adopt the descriptor's content, close it, and call the entry; print an expected error as one line."""
    descriptor, entry, *words = sys.argv[1:]
    adopt(_read_once(int(descriptor)))
    try:
        call(entry, *words)
    except GatewayError as error:
        sys.exit(f"hpc-gateway: {error}")


def call(entry: str, *words: str) -> None:
    """Call `entry`, a `module:function`, with `words` on this process's command line."""
    module, _, function = entry.partition(":")
    sys.argv = [module, *words]
    with no_collections():
        found = getattr(import_module(module), function)
    found()


@contextmanager
def no_collections() -> Iterator[None]:
    """Collect no garbage while modules are imported: each collection would look at all of them again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_once(descriptor: int) -> bytes:
    """Read the file, at no offset that other processes move, and close it for this process's children."""
    try:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
