"""Many small files by one request, there and back: rows, messages and all, as a client that polls sees it.

    python -m tests.benchmarks.prefixes FILES [--postgresql]

The demo's stack: SQLite, or a PostgreSQL that waits for its disk, four worker processes, SeaweedFS, all on
this machine. Where awscli is on PATH it moves the same files by hand.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import psutil

from hpc_gateway_commands.demo.stack import running_stack
from tests.client import BUCKET, DATA, Client, client_of
from tests.postgres import create_database, postgres

SIZE = 4096
LONGEST_S = 1200.0


def _cpu_s(client: Client) -> float:
    """Return the processor time of the worker with all its processes."""
    worker = psutil.Process(client.stack.parts.pid("worker"))
    times = [process.cpu_times() for process in (worker, *worker.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _gateway(client: Client) -> Iterator[tuple[str, Callable[[], object]]]:
    def move(url: str, accepted: dict[str, object]) -> None:
        assert client.moved(url, accepted, LONGEST_S)["status"] == "completed"

    yield "gateway down", lambda: move("/s3_data", client.stage_in("many/", f"{DATA}/many"))
    yield "gateway up", lambda: move("/s3_result", client.stage_out(f"{DATA}/many", "back/"))


def _by_hand(client: Client, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    store = client.stack.store
    keys = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key}
    environment = {**os.environ, **keys, "AWS_REGION": "local"}

    def copy(source: str, target: str) -> object:
        argv = ["aws", "--endpoint-url", store.url, "s3", "cp", "--recursive", "--only-show-errors"]
        return subprocess.run([*argv, source, target], env=environment, check=True)

    if which("aws"):
        yield "awscli down", lambda: copy(f"s3://{BUCKET}/many/", f"{folder}/")
        yield "awscli up", lambda: copy(f"{folder}/", f"s3://{BUCKET}/by-hand/")


@contextmanager
def durable_database(*, postgresql: bool) -> Iterator[dict[str, str]]:
    """Return the settings of the database: none for SQLite, which is the stack's own."""
    if not postgresql:
        yield {}
        return
    with postgres(durable=True) as server:
        yield {"GATEWAY_DATABASE_URL": create_database(server.url, "prefixes")}


def main(files: int, *, postgresql: bool) -> None:
    """Measure each way once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_database(postgresql=postgresql) as settings,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False, settings=settings) as stack,
        client_of(stack) as client,
    ):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: client.put(f"many/f{n}", os.urandom(SIZE)), range(files)))
        client.put("one", b"1")
        client.moved("/s3_data", client.stage_in("one", f"{DATA}/one"))  # until the worker is up
        print(f"| {files} files | s | ms a file | CPU of the worker, ms a file |\n|---|---|---|---|")
        for name, act in (*_gateway(client), *_by_hand(client, Path(folder) / "hand")):
            begun, cpu_s = time.perf_counter(), _cpu_s(client)
            act()
            seconds, cpu_s = time.perf_counter() - begun, _cpu_s(client) - cpu_s
            print(
                f"| {name} | {seconds:.1f} | {seconds / files * 1e3:.2f} | {cpu_s / files * 1e3:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("files", type=int, help="how many files of 4 KiB")
    given.add_argument("--postgresql", action="store_true", help="on PostgreSQL in place of SQLite")
    asked = given.parse_args()
    main(asked.files, postgresql=asked.postgresql)
