"""`hpc-gateway worker`: the processes that serve a cluster, or the housekeeping, as one."""

import os
import signal
import socket
import sys
from types import FrameType

from gateway.clusters import catalog
from gateway.errors import NotFound
from gateway.queue import HOUSEKEEPING
from gateway.queue.ask_worker import control_queue
from gateway.supervision import Supervisor


def celery_argv(queue: str, concurrency: int) -> list[str]:
    """Return the command of a Celery worker whose name says what it serves."""
    return [
        *(sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@{socket.gethostname()}"),
        *("--concurrency", str(concurrency), "--without-gossip", "--without-mingle"),
    ]


def run_workers(names: list[str], *, housekeeping: bool, concurrency: int) -> int:
    """Serve the clusters named until SIGTERM; return the exit status.

    A part that ends by itself takes the others with it, so that whoever started us sees it and starts
    us again.
    """
    configured = catalog.configured_clusters()
    for name in names:
        if name not in configured:
            raise NotFound(f"{name!r} is not in the configuration file; it defines {sorted(configured)}")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        part, status = _serve(names, housekeeping=housekeeping, concurrency=concurrency)
    except KeyboardInterrupt:
        return 0
    sys.stderr.write(f"{part} ended with status {status}\n")
    return status or os.EX_SOFTWARE


def _serve(names: list[str], *, housekeeping: bool, concurrency: int) -> tuple[str, int]:
    """Run all parts until one of them ends; return which, and how."""
    with Supervisor() as parts:
        for name in names:
            parts.start(f"worker {name}", celery_argv(name, concurrency))
            parts.start(f"control {name}", celery_argv(control_queue(name), 1))
            parts.start(f"watcher {name}", [sys.executable, "-m", "workers.watcher", name])
        if housekeeping:
            parts.start("housekeeping", celery_argv(HOUSEKEEPING, 1))
        return parts.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
