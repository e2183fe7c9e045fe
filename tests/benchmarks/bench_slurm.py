"""Jobs into a real Slurm and out of it: `PREFIX/venv/bin/python -m tests.benchmarks.bench_slurm PREFIX`.

The nodes are drained, so that the jobs wait and cost no CPU: what is measured is the gateway and slurmctld.
"""

import re
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx

from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.client import PyslurmClient, SlurmInstallation
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.cluster.slurm_cluster import SlurmCluster, configure

BODY = {
    "services": ["fft"],
    "infrastructure": "demo",
    "params": {"read_input_data": "/x.csv", "num_mpi_procs": 1},
    "watch_period": 1,
}
THROUGH_THE_API = 1000
WATCHED = (10, 1000, 10_000)
CLIENTS = 8
RPC_WINDOW_S = 20.0
SAMPLES = 10


def main(prefix: Path) -> None:
    """Print the two tables."""
    # slurmctld saves its state on its way out.
    with tempfile.TemporaryDirectory(prefix="bench-slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cluster = SlurmCluster(prefix, folder / "slurm", base_port=19400)
        cluster.act("start")
        cluster.command("scontrol", "update", "NodeName=n[1-4]", "State=DRAIN", "Reason=benchmark")
        try:
            settings = {"GATEWAY_INFRASTRUCTURES": str(configure(cluster, folder))}
            with running_stack(folder / "stack", print, flower=False, settings=settings) as stack:
                through_the_api(stack)
                for count in WATCHED:
                    watched(stack, cluster, count)
        finally:
            cluster.act("stop")


def through_the_api(stack: Stack) -> None:
    """Measure jobs per second, and the time from POST to the record of the submission."""
    began = time.time()
    with httpx.Client(base_url=stack.api_url, timeout=60) as http, ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: http.post("/job", json=BODY).raise_for_status(), range(THROUGH_THE_API)))
    posted_s = time.time() - began
    while count(stack, "submitted_at is not null") < THROUGH_THE_API:
        time.sleep(0.2)
    rows = query(stack, "select created_at, submitted_at from jobs")
    waits = sorted((when(end) - when(start)).total_seconds() for start, end in rows)
    whole_s = (max(when(end) for _, end in rows) - min(when(start) for start, _ in rows)).total_seconds()
    print(f"POST /job: {THROUGH_THE_API / posted_s:.0f}/s from {CLIENTS} clients")
    print(
        f"into Slurm: {THROUGH_THE_API / whole_s:.1f} jobs/s;"
        f" POST to submitted p50 {statistics.median(waits):.2f} s, p99 {waits[int(0.99 * len(waits))]:.2f} s"
    )


def watched(stack: Stack, cluster: SlurmCluster, wanted: int) -> None:
    """Measure the time from a job's real end to its visible end, and the controller's RPCs."""
    bring_to(stack, cluster, wanted)
    time.sleep(30)
    rpcs = controller_rpcs(cluster)
    time.sleep(RPC_WINDOW_S)
    rate = (controller_rpcs(cluster) - rpcs) / RPC_WINDOW_S
    latencies = sorted(latency(stack, cluster) for _ in range(SAMPLES))
    print(
        f"{wanted} watched rows: end to visible end p50 {statistics.median(latencies):.2f} s,"
        f" max {latencies[-1]:.2f} s; {rate:.2f} RPCs/s at the controller"
    )


def latency(stack: Stack, cluster: SlurmCluster) -> float:
    ((name, scheduler_id),) = query(
        stack, "select id, scheduler_id from jobs where state = 'pending' order by random() limit 1"
    )
    cluster.command("scancel", scheduler_id)
    began = time.monotonic()
    while count(stack, f"id = '{name}' and state = 'cancelled'") == 0:
        time.sleep(0.02)
    return time.monotonic() - began


def bring_to(stack: Stack, cluster: SlurmCluster, wanted: int) -> None:
    """Cancel or add jobs, in Slurm and as rows, until so many are watched."""
    here = count(stack, "state = 'pending'")
    if here > wanted:
        ids = query(stack, "select scheduler_id from jobs where state = 'pending'")[wanted:]
        for start in range(0, len(ids), 500):
            cluster.command("scancel", *(number for (number,) in ids[start : start + 500]))
    elif here < wanted:
        add(stack, cluster, wanted - here)
    while count(stack, "state = 'pending'") != wanted:
        time.sleep(0.5)


def add(stack: Stack, cluster: SlurmCluster, number: int) -> None:
    scheduler = SlurmScheduler(PyslurmClient(SlurmInstallation(cluster.conf, cluster.path)))
    template = dict(zip(columns(stack), query(stack, "select * from jobs limit 1")[0], strict=True))
    rows = []
    for _ in range(number):
        row_id = uuid4()
        folder = Path(str(template["data_folder"])) / "Output_Data" / "jobs" / f"{row_id}.1"
        folder.mkdir(parents=True)
        scheduler_id = scheduler.submit(JobSpec(folder.name, folder, ("/bin/true",), 1, 1, "srun"))
        fresh = {"id": row_id.hex, "scheduler_id": scheduler_id, "state": "pending", "ended_at": None}
        rows.append(template | fresh | {"finding": None, "cancel_requested_at": None})
    names = ", ".join(template)
    marks = ", ".join(f":{name}" for name in template)
    with sqlite3.connect(stack.folder / "gateway.db", timeout=60) as database:
        database.executemany(f"insert into jobs ({names}) values ({marks})", rows)  # noqa: S608  our own names
    database.close()


def controller_rpcs(cluster: SlurmCluster) -> int:
    """Return how many calls slurmctld has served of the types that a gateway makes."""
    text = cluster.command("sdiag")
    kinds = "REQUEST_JOB_INFO|REQUEST_NODE_INFO|REQUEST_PARTITION_INFO|REQUEST_SUBMIT_BATCH_JOB"
    return sum(int(found) for found in re.findall(rf"(?:{kinds})\S*\s*\(\s*\d+\)\s*count:(\d+)", text))


def columns(stack: Stack) -> list[str]:
    return [str(row[1]) for row in query(stack, "pragma table_info(jobs)")]


def count(stack: Stack, condition: str) -> int:
    return int(query(stack, f"select count(*) from jobs where {condition}")[0][0])  # noqa: S608  our own words


def query(stack: Stack, statement: str) -> list[tuple[str, ...]]:
    database = sqlite3.connect(stack.folder / "gateway.db", timeout=60)
    try:
        return database.execute(statement).fetchall()
    finally:
        database.close()


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(Path(sys.argv[1]))
