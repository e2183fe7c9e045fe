"""The embedded services as running processes, for the tests: started, ready, and stopped without a trace."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpc_gateway_commands.demo.services import ObjectStore, Valkey, free_ports

ACCESS_KEY = "staging-tests"
SECRET_KEY = "a secret/with+odd=characters"


@contextmanager
def running(service: Valkey | ObjectStore, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the service in a process group of its own until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            service.argv,
            env=dict(service.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        service.wait_ready()
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def valkey(folder: Path, port: int | None = None) -> Iterator[Valkey]:
    service = Valkey(port or free_ports(1)[0], folder)
    with running(service, folder / "valkey.log"):
        yield service


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    service = ObjectStore(free_ports(1)[0], folder / "store", ACCESS_KEY, SECRET_KEY)
    service.prepare()
    try:
        with running(service, folder / "object-store.log"):
            yield service
    finally:
        service.clean_up()
