"""A private PostgreSQL for the tests: made by initdb, on a socket and a loopback port of its own."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import psycopg

from gateway.embedded import LOOPBACK, free_ports

_USER = "gateway"


def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl: on the PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server with a folder of its own; yield the URL of its `postgres` database."""
    bin_folder = binaries()
    if bin_folder is None:
        raise FileNotFoundError("initdb")
    with TemporaryDirectory(prefix="gateway-postgres-") as name:
        folder, port = Path(name), free_ports(1)[0]
        data, as_user = folder / "data", _unprivileged(folder)
        _run(
            as_user, bin_folder / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        options = f"-p {port} -c listen_addresses={LOOPBACK} -c unix_socket_directories={folder} -c fsync=off"
        _run(as_user, bin_folder / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://{_USER}@{LOOPBACK}:{port}/postgres"
        finally:
            _run(as_user, bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def create_database(url: str, name: str) -> str:
    """Create an empty database beside the one of the URL and return its URL."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.rsplit("/", 1)[0] + f"/{name}"


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses root: hand the folder to nobody."""
    if getpass.getuser() != "root":
        return []
    shutil.chown(folder, "nobody")
    return ["runuser", "-u", "nobody", "--"]


def _run(prefix: list[str], *argv: str | Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    command = [*prefix, *map(str, argv)]
    # pg_ctl's server inherits the output: a pipe would never be closed.
    with TemporaryFile() as output:
        status = subprocess.call(command, stdout=output, stderr=output, cwd="/", env=environment)
        output.seek(0)
        if status:
            raise RuntimeError(output.read().decode())
