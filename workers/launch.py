"""Launch of `hpc-gateway worker`: the processes that serve clusters and the housekeeping."""

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
    """Return the command of a Celery worker, named after the queue that it serves."""
    return [
        *(sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@{socket.gethostname()}"),
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
            children.start(f"worker {name}", celery_argv(name, concurrency))
            children.start(f"control {name}", celery_argv(control_queue(name), 1))
            children.start(f"watcher {name}", [sys.executable, "-m", "workers.watcher", name])
        if housekeeping:
            children.start("housekeeping", celery_argv(HOUSEKEEPING, 1))
        return children.wait()


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
