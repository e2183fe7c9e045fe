"""Mixed load for a bounded time while every process is killed in turn: what was served, lost, doubled, kept.

Run it as `python -m tests.benchmarks.soak --minutes 30`, with `--postgresql` on a PostgreSQL of its own,
which is killed like the rest. Transfers and jobs go on all the time; every half minute one of the parts is
killed with all below it and started again, the queue without its data. A client repeats a request that got
no answer, or a 503, under the same Idempotency-Key.
"""

import argparse
import itertools
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import psutil

from gateway.errors import Unavailable
from gateway.models import Job, Transfer
from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.client import DATA, Client, Status, client_of
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import kill_part, tree
from tests.faults.test_worker import assert_run_once
from tests.polling import until
from tests.postgres import Server, create_database, postgres

SIZES = (0, 1, 4096, 1 << 20, 9 << 20)
KILL_EVERY_S = 30.0
PAUSE_S = 0.25
SETTLE_S = 300.0
AWAY_S = 3.0  # of the database, which alone would be back at once


@dataclass
class Load:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    unanswered: int = 0
    unavailable: int = 0
    moved: list[tuple[Status, int]] = field(default_factory=list)
    jobs: list[Status] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    revived: Counter[str] = field(default_factory=Counter)
    memory: dict[str, list[int]] = field(default_factory=dict)


class Soak:
    """A stack under load; its threads end when `stop` is set."""

    def __init__(self, client: Client, database: Server | None) -> None:
        self.client, self.database, self.load, self.stop = client, database, Load(), threading.Event()
        self._chance = random.Random(7)  # noqa: S311  which part dies next

    def ask(self, method: str, url: str, body: Status | None = None) -> Status:
        """Send one request until it is answered; the key keeps a repeated POST from doing it twice."""
        headers = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
        while True:
            begin = time.perf_counter()
            try:
                answer = self.client.http.request(method, url, json=body, headers=headers)
            except httpx.HTTPError:
                self.load.unanswered += 1
                time.sleep(1)
                continue
            if answer.status_code in {409, 503}:
                self.load.unavailable += answer.status_code == 503
                time.sleep(1)
                continue
            answer.raise_for_status()
            route = f"{method} {url.split('/')[1]}"
            self.load.seconds.setdefault(route, []).append(time.perf_counter() - begin)
            found: Status = answer.json()
            return found

    def move(self) -> None:
        """Stage objects in, one after the other, and look at each once."""
        for number in itertools.count():
            if self.stop.wait(PAUSE_S):
                return
            size = SIZES[number % len(SIZES)]
            body = self.client.store_fields() | {"object": f"{size}.bin", "dst": f"{DATA}/soak/{number}.bin"}
            self.load.moved.append((self.ask("POST", "/s3_data", body), size))
            self.ask("GET", f"/s3_data/{self.load.moved[-1][0]['id']}")

    def compute(self) -> None:
        """Run a small job, and the next one when it has ended."""
        path = self.client.place("soak.csv", b"x;y\n" + b"1.5;2\n3;4\n" * 2000)
        params = {"read_input_data": path, "num_mpi_procs": 1}
        body = {"services": ["fft"], "infrastructure": "demo", "params": params, "watch_period": 1}
        while not self.stop.is_set():
            self.load.jobs.append(self.ask("POST", "/job", body))
            while self.ask("GET", f"/job/{self.load.jobs[-1]['id']}")["status"] != "completed":
                if self.stop.wait(1):
                    return

    def kill(self, until_s: float) -> None:
        """Kill one part after the other, in a random order that names all of them before any comes again.

        It is the main thread that does so: what a thread has started dies with it.
        """
        starts = {
            "worker": self.client.stack.start_worker,
            "api": self.client.stack.start_api,
            "beat": self.client.stack.start_beat,
            "valkey": self.client.stack.start_queue,
            "s3": self.client.stack.start_store,
        }
        if self.database:
            starts["postgresql"] = self.database.start
        parts: list[str] = []
        while time.monotonic() + KILL_EVERY_S < until_s:
            self._look_after(starts, KILL_EVERY_S)
            parts = parts or self._chance.sample(sorted(starts), len(starts))
            name = parts.pop()
            self._kill(name)
            _start(starts[name])
            self.load.kills[name] += 1
        self._look_after(starts, 2 * KILL_EVERY_S)

    def _kill(self, name: str) -> None:
        if self.database and name == "postgresql":
            self.database.stop()
            time.sleep(AWAY_S)
            return
        kill_part(self.client.stack, name)
        if name == "valkey":
            shutil.rmtree(self.client.stack.queue.folder)

    def _look_after(self, starts: dict[str, Callable[[], None]], seconds: float) -> None:
        """Start again what has ended by itself, as a service manager does: Celery may when its queue dies."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if ended := self.client.stack.parts.ended():
                self.client.stack.parts.hand_over(ended[0]).wait()
                _start(starts[ended[0]])
                self.load.revived[ended[0]] += 1
            time.sleep(0.2)

    def weigh(self) -> None:
        """Note the memory of every part with all below it."""
        while not self.stop.wait(10):
            for name in ("api", "worker", "beat"):
                try:
                    processes = tree(psutil.Process(self.client.stack.parts.pid(name)))
                    used = sum(process.memory_full_info().pss for process in processes)
                except (psutil.Error, KeyError):
                    continue
                self.load.memory.setdefault(name, []).append(used)

    def run(self, seconds: float) -> None:
        """Let everything go on for so long."""
        threads = [threading.Thread(target=act) for act in (self.move, self.compute, self.weigh)]
        for thread in threads:
            thread.start()
        self.kill(time.monotonic() + seconds)
        self.stop.set()
        for thread in threads:
            thread.join()


def _start(start: Callable[[], None]) -> None:
    with suppress(Unavailable):  # it says so as well when another part has ended, which is looked after next
        start()


def settle(soak: Soak, history: History) -> Counter[str]:
    """Wait until all rows have ended, and count what is not as it must be."""
    wrong: Counter[str] = Counter()
    for row, size in soak.load.moved:
        ended = soak.client.moved("/s3_data", row, SETTLE_S)
        wrong["transfers that failed"] += ended["status"] != "completed"
        wrong["transfers that ended twice"] += history.of(row).count("completed") > 1
        wrong["files that differ"] += soak.client.file(ended["dst"]).read_bytes() != bytes(size)
    for job in soak.load.jobs:
        wrong["jobs that failed"] += not soak.client.finished(job, SETTLE_S)["success"]
        assert_run_once(soak.client, job)
    wrong["transfers that nobody asked for"] += history.count(Transfer) - len(soak.load.moved)
    wrong["jobs that nobody asked for"] += history.count(Job) - len(soak.load.jobs)
    return wrong


def report(load: Load, wrong: Counter[str], minutes: float) -> None:
    """Print what the docs hold."""
    killed = ", ".join(f"{name} {count}" for name, count in sorted(load.kills.items()))
    print(f"{minutes:g} minutes; killed: {killed}; requests without an answer, repeated: {load.unanswered}")
    print(f"answered 503, repeated: {load.unavailable}")
    print(f"{len(load.moved)} transfers, {len(load.jobs)} jobs; ended by themselves: {dict(load.revived)}")
    print("\n| request | count | p50 ms | p99 ms |\n|---|---|---|---|")
    for route, seconds in sorted(load.seconds.items()):
        p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
        print(f"| `{route}` | {len(seconds)} | {p50:.1f} | {p99:.1f} |")
    print("\n| part | memory in the second quarter, MiB | in the last quarter, MiB |\n|---|---|---|")
    for name, seen in load.memory.items():
        quarter = max(1, len(seen) // 4)
        early, late = (
            float(np.median(part)) / 2**20 for part in (seen[quarter : 2 * quarter], seen[-quarter:])
        )
        print(f"| {name} | {early:.0f} | {late:.0f} |")
    print("\n| what must not be | times |\n|---|---|")
    for what, times in wrong.items():
        print(f"| {what} | {times} |")


def prepare(stack: Stack, client: Client) -> None:
    """Store the objects and wait until the worker is up."""
    for size in SIZES:
        client.put(f"{size}.bin", bytes(size))
    until(
        "the worker beats", lambda: client.http.get("/health/ready").is_success and stack.parts.pid("worker")
    )


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--minutes", type=float, default=30.0, help="how long to go on (30)")
    given.add_argument("--postgresql", action="store_true", help="on PostgreSQL in place of SQLite")
    asked = given.parse_args()
    with ExitStack() as until_the_end:
        folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory()))
        database = until_the_end.enter_context(postgres()) if asked.postgresql else None
        its_own = {"GATEWAY_DATABASE_URL": create_database(database.url, "soak")} if database else {}
        started = running_stack(folder / "stack", lambda _: None, flower=False, settings=SETTINGS | its_own)
        client = until_the_end.enter_context(client_of(until_the_end.enter_context(started)))
        prepare(client.stack, client)
        soak = Soak(client, database)
        soak.run(asked.minutes * 60)
        report(soak.load, settle(soak, History(client.stack)), asked.minutes)


if __name__ == "__main__":
    main()
