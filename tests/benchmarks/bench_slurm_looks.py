"""The watch of a real Slurm: `PREFIX/venv/bin/python -m tests.benchmarks.bench_slurm_looks PREFIX`, as root.

Before, each look and each heartbeat loaded the jobs of all accounts, and each row with all its columns. Both
ways take turns within one run (before, after, before, after). The nodes are drained, so that all jobs wait.
WINDOW_S in the environment is the time of each turn, SCALE a factor on the numbers of jobs for a short try.
"""

import os
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import func, select, update

from gateway.clusters.configuration import Cluster
from gateway.db import get_engine, session_scope
from gateway.models import Job
from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm import own_jobs, reports
from gateway.schedulers.slurm.client import PyslurmClient, SlurmInstallation
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from gateway.settings import get_settings
from gateway.work import outbox
from migrations import upgrade
from tests.benchmarks.pending_jobs import insert_pending_jobs
from tests.cluster.slurm_cluster import SlurmCluster
from workers.watcher import Watcher

SCALE = float(os.environ.get("SCALE", "1"))
ROWS, FEW, OTHERS = round(5000 * SCALE), 10, round(20_000 * SCALE)
OTHER_USER = 65534
WINDOW_S = float(os.environ.get("WINDOW_S", "20"))
LATENCIES = 5
CALLS = ("JOB_INFO", "JOB_USER_INFO", "NODE_INFO", "PARTITION_INFO", "BUILD_INFO")


class WholeQueue(SlurmScheduler):
    """The scheduler as it was before: each look and each heartbeat loads every job."""

    def jobs(self) -> dict[str, JobReport]:
        jobs = self._client.jobs()
        reports.duplicate_jobs(jobs, os.getuid())
        return reports.translate_jobs(jobs, os.getuid(), datetime.now(UTC))

    def check(self) -> None:
        self.partitions()


def main(prefix: Path) -> None:
    """Print a line for each case and turn."""
    with tempfile.TemporaryDirectory(prefix="bench-looks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ |= {
            "GATEWAY_DATABASE_URL": f"sqlite:///{folder}/gateway.db",
            "GATEWAY_WATCH_S": "0.5",
        }
        get_settings.cache_clear()  # imports of this file have read them already
        upgrade(get_engine())
        outbox.publisher = lambda _messages: None
        with started(SlurmCluster(prefix, folder / "slurm", min_job_age_s=10)) as cluster:
            measure(Bench(cluster, folder))


@contextmanager
def started(cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """Start a Slurm that takes all the jobs of this benchmark and starts none."""
    cluster.act("start")
    try:
        text = cluster.conf.read_text()
        cluster.conf.write_text(text.replace("MaxJobCount=20000", f"MaxJobCount={ROWS + OTHERS + 5000}"))
        cluster.kill("slurmctld", signal.SIGTERM)
        time.sleep(5)
        cluster.act("controller")
        cluster.command("scontrol", "update", "NodeName=n[1-4]", "State=DRAIN", "Reason=benchmark")
        yield cluster
    finally:
        cluster.act("stop")


class Bench:
    """A cluster, its rows, and the two schedulers that are compared."""

    def __init__(self, cluster: SlurmCluster, folder: Path) -> None:
        self.slurm = cluster
        slurm = PyslurmClient(SlurmInstallation(cluster.conf, cluster.path))
        self.schedulers = {"before": WholeQueue(slurm), "after": SlurmScheduler(slurm)}
        (folder / "home").mkdir()
        given = {"name": "demo", "scheduler": "slurm", "home": folder / "home", "slurm_conf": cluster.conf}
        self.cluster = Cluster.model_validate({**given, "python": sys.executable})

    def submit(self, number: int, user_id: int) -> list[tuple[UUID, str]]:
        """Submit waiting jobs and return their rows' ids and their numbers."""
        import pyslurm  # noqa: PLC0415  it is initialised by now

        made = []
        for _ in range(number):
            row_id = uuid4()
            job = pyslurm.JobSubmitDescription(
                name=f"{row_id}.1",
                script="#!/bin/sh\nexit 0\n",
                working_directory="/tmp",  # noqa: S108  nothing is written there, as no job starts
                environment={"A": "b"},
                ntasks=1,
                nodes=1,
                user_id=user_id,
            )
            made.append((row_id, str(job.submit())))
        return made

    def watched(self) -> int:
        with session_scope(read_only=True) as session:
            return session.scalar(select(func.count()).where(Job.finding.is_(None))) or 0

    def slurmctld_cpu_s(self) -> float:
        pid = int((self.slurm.run / "slurmctld.pid").read_text())
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def calls(self) -> Counter[str]:
        """Return the number of calls that slurmctld has served, of the kinds that a watch makes."""
        found = re.findall(r"REQUEST_(\w+)\s*\(\s*\d+\)\s*count:(\d+)", self.slurm.command("sdiag"))
        return Counter({kind: int(number) for kind, number in found if kind in CALLS})


def measure(bench: Bench) -> None:
    """Measure with the account's own jobs alone, beside those of others, and with few of its own."""
    print(
        f"extension: {'installed' if own_jobs.is_built() else 'not installed'}; load {os.getloadavg()[0]:.1f}"
    )
    insert_rows(bench.submit(ROWS, os.getuid()))
    turns(bench, 0)
    bench.submit(OTHERS, OTHER_USER)
    turns(bench, OTHERS)
    keep(bench, FEW)
    turns(bench, OTHERS)


def insert_rows(jobs: list[tuple[UUID, str]]) -> None:
    """Insert a pending row for each job."""
    insert_pending_jobs([{"id": row, "scheduler_id": number} for row, number in jobs])


def keep(bench: Bench, number: int) -> None:
    """Cancel the account's other jobs, and wait until slurmctld has forgotten them."""
    with session_scope() as session:
        ids = list(session.scalars(select(Job.scheduler_id).where(Job.finding.is_(None))))[number:]
        session.execute(update(Job).where(Job.scheduler_id.in_(ids)).values(finding={"state": "cancelled"}))
    for start in range(0, len(ids), 500):
        bench.slurm.command("scancel", *ids[start : start + 500])
    while len(bench.schedulers["after"].jobs()) > number:
        time.sleep(5)


def turns(bench: Bench, others: int) -> None:
    print(f"{bench.watched()} rows, {others} jobs of others; load {os.getloadavg()[0]:.1f}")
    for way in ("before", "after") * 2:
        with watching(bench, way) as scheduler:
            print(f"  {way}: {window(bench, scheduler)}")


@contextmanager
def watching(bench: Bench, way: str) -> Iterator[SlurmScheduler]:
    """Run the watcher of the cluster in a thread; the first looks, which write the reasons, come before."""
    scheduler, stop = bench.schedulers[way], threading.Event()
    looks: list[float] = []
    plain = type(scheduler).jobs

    def look() -> dict[str, JobReport]:
        looks.append(time.monotonic())
        return plain(scheduler)

    scheduler.looks, scheduler.jobs = looks, look  # type: ignore[attr-defined, method-assign]
    thread = threading.Thread(target=Watcher(bench.cluster, scheduler, 1).run, args=(stop,))
    thread.start()
    try:
        while len(looks) < 3:
            time.sleep(0.1)
        yield scheduler
    finally:
        stop.set()
        thread.join()


def window(bench: Bench, scheduler: SlurmScheduler) -> str:
    """Return the figures of one turn."""
    looks, cpu, slurmctld = len(scheduler.looks), time.process_time(), bench.slurmctld_cpu_s()  # type: ignore[attr-defined]
    calls, began = bench.calls(), time.monotonic()
    time.sleep(WINDOW_S)
    elapsed = time.monotonic() - began
    cpu, slurmctld = time.process_time() - cpu, bench.slurmctld_cpu_s() - slurmctld
    looks, calls = len(scheduler.looks) - looks, bench.calls() - calls  # type: ignore[attr-defined]
    waits = [latency(bench) for _ in range(LATENCIES)]
    made = ", ".join(f"{calls[kind]} {kind}" for kind in CALLS if calls[kind])
    return (
        f"{looks} looks in {elapsed:.0f} s ({made}); CPU of a look {cpu / max(1, looks) * 1000:.0f} ms here,"
        f" {slurmctld / max(1, looks) * 1000:.0f} ms in slurmctld; of a second {cpu / elapsed * 1000:.0f} ms"
        f" here, {slurmctld / elapsed * 1000:.0f} ms in slurmctld; a cancelled job is found after"
        f" p50 {statistics.median(waits):.2f} s, max {max(waits):.2f} s"
    )


def latency(bench: Bench) -> float:
    """Cancel a watched job, put another into its place, and return the time until its end is found."""
    with session_scope(read_only=True) as session:
        row = session.scalars(select(Job).where(Job.finding.is_(None)).order_by(func.random())).first()
    assert row is not None
    bench.slurm.command("scancel", row.scheduler_id)
    began = time.monotonic()
    while not found(row.id):
        time.sleep(0.02)
    waited = time.monotonic() - began
    insert_rows(bench.submit(1, os.getuid()))
    return waited


def found(row_id: UUID) -> bool:
    with session_scope(read_only=True) as session:
        return session.scalar(select(Job.finding).where(Job.id == row_id)) is not None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(Path(sys.argv[1]))
