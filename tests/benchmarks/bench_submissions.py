"""Jobs through the whole service: `PREFIX/venv/bin/python -m tests.benchmarks.bench_submissions PREFIX`.

The nodes are drained, so that the jobs wait and cost no CPU. `SLURM_BASE_PORT` is the first port of the
cluster, `DATABASES` names the databases (`sqlite postgresql`), both durable. With `OVER_SSH` set the service
reaches the cluster by an sshd on loopback alone.
"""

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import psutil
from sqlalchemy import Engine, create_engine, func, select

from gateway.models import Job
from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.cluster.slurm_cluster import SlurmCluster, configure
from tests.faults.killing import tree
from tests.postgres import postgres
from tests.sshd import running

BODY = {
    "services": ["fft"],
    "infrastructure": "demo",
    "params": {"read_input_data": "/x.csv", "num_mpi_procs": 1},
}
ALONE, TOGETHER, BURST, MANY = 40, 80, 60, 1000
CLIENTS = 8
SETTLE_S = 5.0
_POLL_S = 0.004


def main(prefix: Path) -> None:
    """Print a line for each case."""
    with drained_cluster(prefix) as (cluster, folder):
        for kind in databases():
            with database(kind, folder / kind) as (url, pids):
                measure(cluster, folder / kind, url, pids)
            cluster.command("scancel", "--user", "root")


@contextmanager
def drained_cluster(prefix: Path) -> Iterator[tuple[SlurmCluster, Path]]:
    """Start a Slurm whose nodes begin no job; yield it with a folder for the benchmark."""
    port = int(os.environ.get("SLURM_BASE_PORT", "19400"))
    with tempfile.TemporaryDirectory(prefix="bench-slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cluster = SlurmCluster(prefix, folder / "slurm", base_port=port)
        cluster.act("start")
        try:
            cluster.command("scontrol", "update", "NodeName=n[1-4]", "State=DRAIN", "Reason=benchmark")
            yield cluster, folder
        finally:
            cluster.act("stop")


def databases() -> list[str]:
    """Return the databases to measure: those of DATABASES, else both."""
    return os.environ.get("DATABASES", "sqlite postgresql").split()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Make an empty durable database; yield its URL and the processes of its server."""
    folder.mkdir()
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'gateway.db'}", []
        return
    with postgres(durable=True) as server:
        pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
        yield server.url, [pid]


def measure(cluster: SlurmCluster, folder: Path, url: str, pids: list[int]) -> None:
    """Measure one database."""
    print(f"{url.partition(':')[0]}, load {os.getloadavg()[0]:.1f}")
    with infrastructures(cluster, folder) as path:
        settings = {"GATEWAY_INFRASTRUCTURES": str(path), "GATEWAY_DATABASE_URL": url}
        measure_service(folder / "stack", settings, pids)


@contextmanager
def infrastructures(cluster: SlurmCluster, folder: Path) -> Iterator[Path]:
    """Write the configuration of the cluster, mounted or behind an sshd."""
    path = configure(cluster, folder)
    if "OVER_SSH" not in os.environ:
        yield path
        return
    keys = folder / "sshd"
    keys.mkdir()
    with running(keys, f"SetEnv SLURM_CONF={cluster.conf} PATH={cluster.path}") as server:
        text = path.read_text().replace('slurm = "pyslurm"', 'commands = "ssh"\nfiles = "sftp"')
        access = {"host": "127.0.0.1", "port": server.port, "username": server.account}
        access |= {"key": str(server.key), "host_key": server.host_key}
        lines = [f"{name} = {json.dumps(value)}" for name, value in access.items()]
        path.write_text("\n".join([text, "[demo.ssh]", *lines, ""]))
        yield path


def measure_service(folder: Path, settings: dict[str, str], pids: list[int]) -> None:
    """Measure the service with these settings."""
    url = settings["GATEWAY_DATABASE_URL"]
    with running_stack(folder, lambda _: None, flower=False, settings=settings) as stack:
        bench = Bench(stack, create_engine(url), pids)
        time.sleep(SETTLE_S)
        bench.post_and_wait(1, 5)  # the processes of the pool load pyslurm
        for clients, number in ((1, ALONE), (CLIENTS, TOGETHER)):
            bench.report(f"{clients} clients", lambda c=clients, n=number: bench.post_and_wait(c, n))  # type: ignore[misc]
        for number in (BURST, MANY):
            bench.report(f"{number} jobs by {CLIENTS} clients", lambda n=number: bench.post_all(n))  # type: ignore[misc]


class Bench:
    """A running service, and a reader of its database."""

    def __init__(self, stack: Stack, engine: Engine, pids: list[int]) -> None:
        self._stack, self._engine, self._pids = stack, engine, pids

    def report(self, name: str, act: Callable[[], str]) -> None:
        """Print the figures of an act, and the processor time of a job in all processes."""
        before, jobs = self._processor_s(), self._count()
        told = act()
        used, jobs = self._processor_s() - before, self._count() - jobs
        print(f"  {name}: {told}; {1000 * used / jobs:.1f} ms CPU a job; load {os.getloadavg()[0]:.1f}")

    def post_and_wait(self, clients: int, number: int) -> str:
        """Let each client wait for its job's submission before it posts the next."""

        def one_client(_: int) -> list[float]:
            with self._client() as http:
                return [self._post_and_wait(http) for _ in range(number // clients)]

        with ThreadPoolExecutor(clients) as pool:
            waits = [wait for some in pool.map(one_client, range(clients)) for wait in some]
        return f"POST to submitted {_percentiles(waits)}"

    def _post_and_wait(self, http: httpx.Client) -> float:
        began = datetime.now(UTC)
        row_id = UUID(http.post("/job", json=BODY).raise_for_status().json()["id"])
        while (submitted_at := self._submitted_at(row_id)) is None:
            time.sleep(_POLL_S)
        return (submitted_at - began).total_seconds()

    def post_all(self, number: int) -> str:
        """Post jobs without waits; measure until the last one is submitted."""
        began = datetime.now(UTC)
        with (
            self._client() as http,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            list(pool.map(lambda _: http.post("/job", json=BODY).raise_for_status(), range(number)))
        posted_s = (datetime.now(UTC) - began).total_seconds()
        while self._count(Job.submitted_at.is_(None)):
            time.sleep(0.02)
        times = select(Job.created_at, Job.submitted_at).where(Job.created_at >= began)
        with self._engine.connect() as connection:
            rows = connection.execute(times).all()
        whole_s = max((row.submitted_at - began).total_seconds() for row in rows)
        waits = [(row.submitted_at - row.created_at).total_seconds() for row in rows]
        return (
            f"all submitted after {whole_s:.2f} s, {number / whole_s:.0f}/s (posted in {posted_s:.2f} s);"
            f" row to submitted {_percentiles(waits)}"
        )

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._stack.api_url, timeout=60)

    def _submitted_at(self, row_id: UUID) -> datetime | None:
        with self._engine.connect() as connection:
            return connection.scalar(select(Job.submitted_at).where(Job.id == row_id))

    def _count(self, *conditions: object) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count(Job.id)).where(*conditions)) or 0  # type: ignore[arg-type]

    def _processor_s(self) -> float:
        """Return the processor time of API, worker, beat, queue and database."""
        roots = [self._stack.parts.pid(name) for name in ("api", "worker", "beat", "valkey")] + self._pids
        times = [process.cpu_times() for root in roots for process in tree(psutil.Process(root))]
        return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def _percentiles(waits: list[float]) -> str:
    waits = sorted(waits)
    p99 = waits[int(0.99 * len(waits))]
    return f"p50 {1000 * statistics.median(waits):.0f} ms, p99 {1000 * p99:.0f} ms"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(Path(sys.argv[1]))
