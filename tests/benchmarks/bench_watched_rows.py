"""The watch of many rows beside a scheduler in this process: `python -m tests.benchmarks.bench_watched_rows`.

The scheduler answers from memory, so that the gateway's own cost is measured. `ROWS` names the numbers of
watched rows, `DATABASES` the databases (`sqlite postgresql`), both durable.
"""

import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from gateway.clusters.configuration import Cluster
from gateway.db import get_engine, session_scope
from gateway.models import Job
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import outbox
from migrations import upgrade
from tests.benchmarks.bench_submissions import database
from tests.benchmarks.pending_jobs import insert_pending_jobs
from workers.watcher import Watcher

ROWS = [int(word) for word in os.environ.get("ROWS", "10000 100000").split()]
WINDOW_S, SAMPLES = 20.0, 10


class Answers:
    """A scheduler that answers from memory, with the cost of making a report for each job."""

    def __init__(self) -> None:
        self.states: dict[str, JobState] = {}
        self.looks = 0

    def jobs(self) -> dict[str, JobReport]:
        self.looks += 1
        return {name: JobReport(name, "17", state) for name, state in self.states.copy().items()}

    def recall(self, _: list[SubmittedJob]) -> dict[str, JobReport | None]:
        return {}

    def check(self) -> None:
        """Answer."""


def main() -> None:
    """Print a line for each database and number of rows."""
    outbox.publisher = lambda _messages: None
    for kind in os.environ.get("DATABASES", "sqlite postgresql").split():
        with (
            tempfile.TemporaryDirectory(prefix="bench-watched-") as name,
            database(kind, Path(name) / kind) as made,
        ):
            os.environ["GATEWAY_DATABASE_URL"] = made[0]
            get_settings.cache_clear()
            get_engine.cache_clear()
            upgrade(get_engine())
            answers, cluster = Answers(), _cluster(Path(name))
            for number in ROWS:
                _insert(answers, number - len(answers.states))
                print(f"{kind}, {number} rows: {_measure(answers, cluster)}; load {os.getloadavg()[0]:.1f}")
            get_engine().dispose()


def _cluster(home: Path) -> Cluster:
    return Cluster.model_validate({"name": "demo", "scheduler": "local", "home": home, "python": "/bin/true"})


def _insert(answers: Answers, number: int) -> None:
    ids = [uuid4() for _ in range(number)]
    insert_pending_jobs([{"id": row_id, "scheduler_id": "17"} for row_id in ids])
    answers.states |= {f"{row_id}.1": JobState.PENDING for row_id in ids}


def _measure(answers: Answers, cluster: Cluster) -> str:
    """Run the watcher in a thread; return its cost while nothing changes, and the time until an end shows."""
    scheduler: Any = answers
    stop = threading.Event()
    thread = threading.Thread(target=Watcher(cluster, scheduler, 1).run, args=(stop,))
    thread.start()
    before = answers.looks
    while answers.looks < before + 3:
        time.sleep(0.1)
    looks, cpu, began = answers.looks, time.process_time(), time.monotonic()
    time.sleep(WINDOW_S)
    elapsed, cpu, looks = time.monotonic() - began, time.process_time() - cpu, answers.looks - looks
    waits = sorted(_latency(answers) for _ in range(SAMPLES))
    stop.set()
    thread.join()
    return (
        f"{looks / elapsed:.2f} looks a second, {1000 * cpu / elapsed:.0f} ms CPU a second, unchanged;"
        f" end to visible end p50 {statistics.median(waits):.2f} s, max {waits[-1]:.2f} s"
    )


def _latency(answers: Answers) -> float:
    """End a random job in the scheduler; return the time until its row has the finding."""
    name = next(iter(answers.states))
    answers.states[name] = JobState.CANCELLED
    began = time.monotonic()
    while not _is_found(UUID(name.partition(".")[0])):
        time.sleep(0.02)
    waited = time.monotonic() - began
    del answers.states[name]
    return waited


def _is_found(row_id: UUID) -> bool:
    with session_scope(read_only=True) as session:
        return session.scalar(select(Job.finding).where(Job.id == row_id)) is not None


if __name__ == "__main__":
    main()
