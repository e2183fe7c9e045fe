"""A private PostgreSQL for the tests: made by initdb, on a socket and a loopback port of its own."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import psycopg

from hpc_gateway_commands.demo.services import LOOPBACK, free_ports

_USER = "gateway"
_MEMORY = Path("/dev/shm")  # noqa: S108  the folder in it has a name that nobody can guess


def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl: on the PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@dataclass
class Server:
    """A server with a folder of its own, which a test may stop and start again."""

    folder: Path
    port: int
    as_user: list[str]
    durable: bool = False
    runs: bool = False

    @property
    def url(self) -> str:
        """The URL of its `postgres` database."""
        return f"postgresql+psycopg://{_USER}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Make an empty cluster of databases."""
        words = ("-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.run("initdb", "-D", self.folder / "data", *words)

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses={LOOPBACK} -c fsync={'on' if self.durable else 'off'}"
        options += f" -c unix_socket_directories={self.folder} -c dynamic_shared_memory_type=mmap"
        log = self.folder / "log"
        self.run("pg_ctl", "-D", self.folder / "data", "-o", options, "-l", log, "-w", "start")
        self.runs = True

    def stop(self) -> None:
        """Stop at once, as if the machine had failed."""
        if self.runs:
            self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
            self.runs = False

    def run(self, program: str, *words: str | Path) -> None:
        """Run one of PostgreSQL's own programs as the server's user."""
        bin_folder = binaries()
        if bin_folder is None:
            raise FileNotFoundError(program)
        _run(self.as_user, bin_folder / program, *words)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Server]:
    """Run a server until the block ends; a durable one waits for the disk as in production."""
    with TemporaryDirectory(prefix="gateway-postgres-", dir=None if durable else _memory()) as name:
        folder = Path(name)
        server = Server(folder, free_ports(1)[0], _unprivileged(folder), durable)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def program(name: str, *words: str) -> None:
    """Run one of PostgreSQL's client programs."""
    bin_folder = binaries()
    if bin_folder is None:
        raise FileNotFoundError(name)
    _run([], bin_folder / name, *words)


def create_database(url: str, name: str, template: str = "template1") -> str:
    """Create a database beside the one of the URL, empty or a copy of another, and return its URL."""
    _say(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return url.rsplit("/", 1)[0] + f"/{name}"


def drop_database(url: str) -> None:
    """Remove the database of the URL: hundreds of them, eight megabytes each, would fill a disk."""
    server, name = url.rsplit("/", 1)
    _say(f"{server}/postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def _say(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def _memory() -> Path | None:
    """Return a folder in memory where that has a gigabyte: databases are made there three times as fast."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 1 << 30 else None


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
