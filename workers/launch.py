"""Launch of `hpc-gateway worker`: the processes that serve clusters and the housekeeping."""

import gc
import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
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
from workers.remote_clusters import Part, RemoteClusters

# Imported before the processes are forked: each of them would take as long for it as the launcher.
IMPORTED_ONCE = (
    "workers.app",
    "workers.judge",
    "workers.watcher",
    "celery.bin.celery",
    "celery.app.control",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
)
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
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--webhooks", action="store_true")
    parser.add_argument("--concurrency", type=int, required=True)
    words = parser.parse_args()
    configure_logging()
    check_key()
    warn_of_open_ports()
    _check_names(words.names)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        parts = _parts(words.names, words.concurrency, housekeeping=words.housekeeping)
        ended = _serve(
            [*parts, *([WEBHOOKS] if words.webhooks else [])], words.concurrency if words.remote else 0
        )
    except KeyboardInterrupt:
        return
    if isinstance(ended, Part):
        processes.call(ended.entry, *ended.words)
        return
    name, status = ended
    sys.stderr.write(f"{name} ended with status {status}\n")
    sys.exit(status or os.EX_SOFTWARE)


def _check_names(names: Sequence[str]) -> None:
    configured = configured_clusters()
    for name in names:
        if name not in configured:
            raise NotFound(f"{name!r} is not in the configuration file; it defines {sorted(configured)}")
        if configured[name].scheduler == "slurm" and configured[name].files == "shared":
            _log.info("%s", check_control(configured[name]))


WEBHOOKS = Part("webhooks", "workers.webhooks:deliver_webhooks", ())


def _parts(names: Sequence[str], concurrency: int, *, housekeeping: bool) -> Iterator[Part]:
    for name in names:
        yield from _cluster_parts(name, concurrency)
    if housekeeping:
        yield _celery_part("housekeeping", HOUSEKEEPING, [HOUSEKEEPING], 1)


def _cluster_parts(name: str, concurrency: int) -> Iterator[Part]:
    for node, queues, count in cluster_workers(name, concurrency):
        yield _celery_part(f"worker {node}", node, queues, count)
    yield Part(f"watcher {name}", "workers.watcher:main", (name, str(concurrency)))
    yield Part(f"judge {name}", "workers.judge:judge_tables", (name,))


def _celery_part(name: str, node: str, queues: Sequence[str], concurrency: int) -> Part:
    entry, *words = celery_argv(node, queues, concurrency)
    return Part(name, entry, tuple(words))


def _serve(parts: Sequence[Part], remote_concurrency: int) -> Part | tuple[str, int]:
    """Fork a process for each part; return its part in a fork, and here name and status of the first to end.

    When one process ends by itself, all others are stopped, so that the service manager sees the failure
    and starts the command again. Those of clusters that were added over REST are started again here.
    """
    with processes.no_collections():
        for module in IMPORTED_ONCE:
            import_module(module)
    gc.freeze()  # the garbage collector would copy the pages that the forks share
    with Supervisor() as children:
        for part in parts:
            if children.fork(part.name):
                return part
        if not remote_concurrency:
            return children.wait()
        make_parts = partial(_cluster_parts, concurrency=remote_concurrency)
        return RemoteClusters(children, make_parts).run()


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
