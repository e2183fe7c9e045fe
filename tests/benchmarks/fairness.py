"""How soon one owner's file and job begin while another owner holds and awaits every slot.

    python -m tests.benchmarks.fairness [--files 5000] [--slow 50] [--postgresql]

The demo's stack with two owners: SQLite, or a PostgreSQL that waits for its disk, four slots, SeaweedFS, all
on this machine. The seconds lie between a request and the first claim of its row, by the row's own events.
"""

import argparse
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from hpc_gateway_commands.demo.stack import running_stack
from tests.benchmarks.prefixes import LONGEST_S, durable_database
from tests.client import DATA, INPUTS, Client, Status, client_of
from tests.gate import Gate
from tests.owners import acting_as
from tests.polling import until

MIB = 1 << 20
TRIES = 10


def _begin_s(owner: Client, url: str, row: Status) -> float:
    """Return the seconds from the request to the first claim."""

    def begun() -> list[Status] | None:
        events: list[Status] = owner.http.get(f"{url}/{row['id']}/events").json()
        return events if len(events) > 1 else None

    first, second = until("a worker has claimed it", begun, LONGEST_S)[:2]
    return (datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"])).total_seconds()


def _measure(owner: Client) -> tuple[list[float], list[float]]:
    """Begin a file and a job again and again, each when the one before has ended."""
    files, jobs = [], []
    for _ in range(TRIES):
        staged = owner.stage_in("input.csv", f"{DATA}/{INPUTS}/input.csv")
        files.append(_begin_s(owner, "/s3_data", staged))
        owner.moved("/s3_data", staged, LONGEST_S)
        job = owner.compute(["fft"], f"/{INPUTS}/input.csv", num_mpi_procs=1)
        jobs.append(_begin_s(owner, "/job", job))
        owner.finished(job, LONGEST_S)
    return files, jobs


def _print(load: str, files: list[float], jobs: list[float]) -> None:
    for name, seconds in (("file", files), ("job", jobs)):
        middle = sorted(seconds)[len(seconds) // 2]
        print(f"| {load} | {name} | {middle:.2f} | {max(seconds):.2f} |", flush=True)


def _many_files(ada: Client, bob: Client, files: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ada.put(f"many/f{n}", bytes(4096)), range(files)))
    parent = ada.stage_in("many/", "many")
    until("files are under way", lambda: ada.get(f"/s3_data/{parent['id']}")["children"], LONGEST_S)
    _print(f"{files} files", *_measure(bob))
    unfinished = ada.get(f"/s3_data/{parent['id']}")["status"] == "transferring"
    print(f"the files were {'' if unfinished else 'not '}under way until the end")
    ada.moved("/s3_data", parent, LONGEST_S)


def _slow_servers(ada: Client, bob: Client, slow: int) -> None:
    ada.put("slow", bytes(9 * MIB))
    with Gate(ada.stack.store.port, MIB) as gate:
        for n in range(slow):
            ada.stage_in("slow", f"slow/{n}", endpoint=gate.url)
        _print(f"{slow} slow servers", *_measure(bob))


@contextmanager
def _owners(*, postgresql: bool) -> Iterator[tuple[Client, Client]]:
    settings = {"GATEWAY_AUTH": "keys", "GATEWAY_READ_TIMEOUT_S": "600"}
    settings["GATEWAY_ALLOWED_ENDPOINTS"] = "127.0.0.1"  # the slow servers, at any port
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_database(postgresql=postgresql) as database,
        running_stack(Path(folder), lambda _: None, flower=False, settings=settings | database) as stack,
        client_of(stack) as client,
        acting_as(client, "ada") as ada,
        acting_as(client, "bob") as bob,
    ):
        yield ada, bob


def main(files: int, slow: int, *, postgresql: bool) -> None:
    """Measure without other work, beside many files, and beside slow servers."""
    with _owners(postgresql=postgresql) as (ada, bob):
        bob.put("input.csv", b"x\n1\n2\n3\n")
        for owner in (ada, bob):  # until the worker is up
            owner.moved("/s3_data", owner.stage_in("input.csv", f"{DATA}/{INPUTS}/input.csv"), LONGEST_S)
        bob.finished(bob.compute(["fft"], f"/{INPUTS}/input.csv", num_mpi_procs=1), LONGEST_S)
        print("| beside | begins | median, s | longest, s |\n|---|---|---|---|")
        _print("nothing", *_measure(bob))
        _many_files(ada, bob, files)
        _slow_servers(ada, bob, slow)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--files", type=int, default=5000, help="how many files of 4 KiB")
    given.add_argument("--slow", type=int, default=50, help="how many transfers from servers that stop")
    given.add_argument("--postgresql", action="store_true", help="on PostgreSQL in place of SQLite")
    asked = given.parse_args()
    main(asked.files, asked.slow, postgresql=asked.postgresql)
