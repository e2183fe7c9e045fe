"""Launch of `hpc-gateway worker`: the processes that serve clusters and the housekeeping."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

from gateway.clusters import catalog
from gateway.clusters.heartbeats import short_slots
from gateway.clusters.queue_names import control_queue, old_queue, work_queue
from gateway.errors import NotFound
from gateway.queue import HOUSEKEEPING
from gateway.supervision import Supervisor


def celery_argv(name: str, queues: Sequence[str], concurrency: int) -> list[str]:
    """Return the command of a Celery worker of that node name, which serves the queues."""
    return [
        *(sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--loglevel", "INFO"),
        *("--queues", ",".join(queues), "--hostname", f"{name}@{socket.gethostname()}"),
        *("--concurrency", str(concurrency), "--without-gossip", "--without-mingle"),
    ]


def run_workers(names: list[str], *, housekeeping: bool, concurrency: int) -> int:
    """Serve the named clusters until SIGTERM; return the exit status.

    When one process ends by itself, all others are stopped, so that the service manager sees the failure
    and starts the command again.
    """
    configured = catalog.configured_clusters()
    for name in names:
        if name not in configured:
            raise NotFound(f"{name!r} is not in the configuration file; it defines {sorted(configured)}")
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        name, status = _serve(names, housekeeping=housekeeping, concurrency=concurrency)
    except KeyboardInterrupt:
        return 0
    sys.stderr.write(f"{name} ended with status {status}\n")
    return status or os.EX_SOFTWARE


def _serve(names: list[str], *, housekeeping: bool, concurrency: int) -> tuple[str, int]:
    """Run all processes until one ends; return its name and exit status."""
    with Supervisor() as children:
        for name in names:
            for node, queues, processes in cluster_workers(name, concurrency):
                children.start(f"worker {node}", celery_argv(node, queues, processes))
            watcher = [sys.executable, "-m", "workers.watcher", name, str(concurrency)]
            children.start(f"watcher {name}", watcher)
        if housekeeping:
            children.start("housekeeping", celery_argv(HOUSEKEEPING, [HOUSEKEEPING], 1))
        return children.wait()


def cluster_workers(name: str, concurrency: int) -> list[tuple[str, list[str], int]]:
    """Return node name, queues and number of processes of each Celery worker of a cluster.

    The worker of long work keeps the cluster's own name, and drains the queue of the version before.
    """
    long, short = work_queue(name, moves_bytes=True), work_queue(name, moves_bytes=False)
    control = control_queue(name)
    return [
        (name, [long, old_queue(name)], concurrency),
        (short, [short], short_slots(concurrency)),
        (control, [control], 1),
    ]


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
