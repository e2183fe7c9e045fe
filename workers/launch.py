"""Launch of `hpc-gateway worker`: the processes that serve clusters and the housekeeping."""

import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from types import FrameType

from gateway import processes
from gateway.clusters.configuration import configured_clusters
from gateway.clusters.queue_names import HOUSEKEEPING, control_queue, old_queue, short_slots, work_queue
from gateway.encryption import check_key
from gateway.errors import NotFound
from gateway.filesystems.sharing import check_control
from gateway.logs import configure_logging
from gateway.operations.exposure import warn_of_open_ports
from gateway.supervision import Supervisor

_log = logging.getLogger(__name__)


def celery_argv(name: str, queues: Sequence[str], concurrency: int) -> list[str]:
    """Return entry and words of a Celery worker of that node name, which serves the queues."""
    return [
        *(processes.CELERY, "-A", "workers.app", "worker", "--loglevel", "INFO"),
        *("--queues", ",".join(queues), "--hostname", f"{name}@{socket.gethostname()}"),
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
    configured = configured_clusters()
    for name in names:
        if name not in configured:
            raise NotFound(f"{name!r} is not in the configuration file; it defines {sorted(configured)}")
        if configured[name].scheduler == "slurm":
            _log.info("%s", check_control(configured[name]))
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
            for node, queues, count in cluster_workers(name, concurrency):
                start(f"worker {node}", *celery_argv(node, queues, count))
            start(f"watcher {name}", "workers.watcher:main", name, str(concurrency))
        if housekeeping:
            start("housekeeping", *celery_argv(HOUSEKEEPING, [HOUSEKEEPING], 1))
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
