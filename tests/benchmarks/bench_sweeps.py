"""Sweeps through the whole service: `PREFIX/venv/bin/python -m tests.benchmarks.bench_sweeps PREFIX [TRIES]`.

The time is from the POST until `squeue` shows every member. The nodes are drained, so that the members wait.
`SLURM_BASE_PORT` is the first port of the cluster, `DATABASES` names the databases, both durable.
"""

import os
import sys
import time
from pathlib import Path

import httpx

from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.benchmarks.bench_submissions import SETTLE_S, database, databases, drained_cluster
from tests.cluster.slurm_cluster import SlurmCluster, configure

MEMBERS = 1000
_POLL_S = 0.05


def body(number: int) -> dict[str, object]:
    """Return a request of so many members that read a file of the cluster."""
    strides = [{"perforation_stride": 1 + member % 50} for member in range(number)]
    return {
        "infrastructure": "demo",
        "input": {"path": "/x.csv"},
        "jobs": [{"name": "spectrum", "services": ["fft"], "params": {"num_mpi_procs": 1}}],
        "sweep": {"job": "spectrum", "params": strides},
    }


def main(prefix: Path, tries: int) -> None:
    """Print a line for each try."""
    with drained_cluster(prefix) as (cluster, folder):
        for kind in databases():
            with database(kind, folder / kind) as (url, _):
                measure(cluster, folder / kind, url, tries)


def measure(cluster: SlurmCluster, folder: Path, url: str, tries: int) -> None:
    """Measure one database."""
    settings = {"GATEWAY_INFRASTRUCTURES": str(configure(cluster, folder)), "GATEWAY_DATABASE_URL": url}
    with running_stack(folder / "stack", lambda _: None, flower=False, settings=settings) as stack:
        time.sleep(SETTLE_S)
        one_try(cluster, stack, 2)  # the processes of the pool load pyslurm
        for _ in range(tries):
            answered, seen, arrays = one_try(cluster, stack, MEMBERS)
            load = os.getloadavg()[0]
            kind = url.partition(":")[0]
            print(f"| {kind} | {answered:.2f} | {seen:.2f} | {arrays} | {load:.1f} |", flush=True)


def one_try(cluster: SlurmCluster, stack: Stack, number: int) -> tuple[float, float, int]:
    """Return the seconds until the answer and until Slurm has all members, and the number of arrays."""
    before, began = len(shown(cluster, "-r")), time.monotonic()
    with httpx.Client(base_url=stack.api_url, timeout=60) as http:
        http.post("/workflow", json=body(number)).raise_for_status()
    answered = time.monotonic() - began
    while len(shown(cluster, "-r")) < before + number:
        time.sleep(_POLL_S)
    seen, arrays = time.monotonic() - began, len(shown(cluster))
    cluster.empty()
    return answered, seen, arrays


def shown(cluster: SlurmCluster, *options: str) -> list[str]:
    """Return the lines of squeue: one for each array, or with `-r` for each member."""
    return cluster.command("squeue", "-h", *options).splitlines()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
