"""Launch of `hpc-gateway worker`: the processes that serve clusters and the housekeeping."""

import os
import signal
import socket
import sys
from argparse import ArgumentParser
from types import FrameType

from gateway import processes
from gateway.clusters import catalog
from gateway.encryption import check_key
from gateway.errors import NotFound
from gateway.logs import configure_logging
from gateway.operations.exposure import warn_of_open_ports
from gateway.queue import HOUSEKEEPING
from gateway.queue.ask_worker import control_queue
from gateway.supervision import Supervisor


def celery_argv(queue: str, concurrency: int) -> list[str]:
    """Return entry and words of a Celery worker, named after the queue that it serves."""
    return [
        *(processes.CELERY, "-A", "workers.app", "worker", "--loglevel", "INFO"),
        *("--queues", queue, "--hostname", f"{queue}@{socket.gethostname()}"),
        *("--concurrency", str(concurrency), "--without-gossip", "--without-mingle"),
    ]


def launch() -> None:
    """Serve the clusters that the command line names."""
    parser = ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--housekeeping", action="store_true")
    parser.add_argument("--concurrency", type=int, required=True)
    words = parser.parse_args()
    configure_logging()
    check_key()
    warn_of_open_ports()
    sys.exit(run_workers(words.names, housekeeping=words.housekeeping, concurrency=words.concurrency))


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
    with processes.sealed() as descriptor, Supervisor() as children:

        def start(name: str, entry: str, *words: str) -> None:
            argv = processes.command(descriptor, entry, *words)
            children.start(name, argv, processes.plain_environment(), descriptors=(descriptor,))

        for name in names:
            start(f"worker {name}", *celery_argv(name, concurrency))
            start(f"control {name}", *celery_argv(control_queue(name), 1))
            start(f"watcher {name}", "workers.watcher:main", name)
        if housekeeping:
            start("housekeeping", *celery_argv(HOUSEKEEPING, 1))
        return children.wait()


def _raise_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
