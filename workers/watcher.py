"""The watcher of a cluster: `workers.watcher:main NAME SLOTS`, a process beside the Celery worker.

It is not a Celery task, so that ends become visible while the broker is down, and so that thousands of
rounds a day do not displace the tasks in Flower. It holds a lease: a second watcher waits.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import gateway.queue  # it sends the messages that commits of the watcher ask for
import gateway.workflows.advance  # noqa: F401  it begins the steps after those that the watcher ends
from gateway import leases
from gateway.clusters import telemetry
from gateway.clusters.configuration import Cluster
from gateway.clusters.served import served_cluster
from gateway.db import session_scope, utc_now
from gateway.errors import GatewayError
from gateway.jobs import watch
from gateway.jobs.watched_rows import WatchedJobs
from gateway.logs import configure_logging
from gateway.schedulers.base import Scheduler
from gateway.schedulers.opening import open_scheduler
from gateway.settings import get_settings
from workers.cluster_health import HealthCheck, SlotsReport

RENEWALS = 3  # of the lease, before it would run out, while a round has nothing to write
_log = logging.getLogger(__name__)


class LeaseLost(GatewayError):
    """Another watcher holds the lease of the cluster."""

    title = "Lease lost"


class Watcher:
    """Watches one cluster in rounds. The period doubles up to the jobs' own while nothing changes."""

    def __init__(self, cluster: Cluster, scheduler: Scheduler, concurrency: int) -> None:
        self._cluster, self._scheduler = cluster, scheduler
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._health_check = HealthCheck(cluster, scheduler, self._holder)
        self._slots = SlotsReport(cluster.name, self._holder, concurrency)
        self._shortest_s = get_settings().watch_s
        self._period_s = self._shortest_s
        self._next_look = 0.0
        self._watched = WatchedJobs(cluster.name)
        self._lease = leases.watcher_lease(cluster.name)
        self._renewed = time.monotonic()
        self._has_lease = False

    def run(self, stop: threading.Event) -> None:
        """Run rounds until `stop` is set; an error in one round does not prevent the next."""
        while not stop.wait(self._shortest_s):
            try:
                self._run_round()
            except GatewayError as error:
                _log.warning("%s: %s", self._cluster.name, error.detail)
            except SQLAlchemyError as error:
                _log.warning("%s: the database failed: %s", self._cluster.name, type(error).__name__)
            except Exception:  # noqa: BLE001  a bug that one row meets must not end the watch of all the others
                _log.exception("%s: unexpected error", self._cluster.name)
        self._slots.withdraw()
        with session_scope() as session:
            leases.release_lease(session, self._lease, self._holder)

    def _run_round(self) -> None:
        self._slots.send_if_due()
        try:
            with self._reading() as session:
                telemetry_requested = telemetry.is_requested(session, self._cluster.name)
                is_new = self._watched.refresh(session)
        except LeaseLost:
            return
        self._health_check.run_if_due()
        if telemetry_requested:
            self._store_telemetry()
        if is_new:
            self._period_s, self._next_look = self._shortest_s, 0.0
        if self._watched and time.monotonic() >= self._next_look:
            self._look()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """Open a transaction that reads; it renews the lease where that is due, as a commit costs a wait."""
        is_due = time.monotonic() - self._renewed > get_settings().lease_s / RENEWALS
        if is_due or not self._has_lease:
            with self._transaction() as session:
                yield session
        else:
            with session_scope(read_only=True) as session:
                yield session

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """Open a transaction that renews the watcher's lease, or raise LeaseLost when another one has it."""
        lease_s, now = get_settings().lease_s, time.monotonic()
        if now - self._renewed > lease_s:
            self._watched.forget()  # another watcher may have held it meanwhile
        with session_scope() as session:
            self._has_lease = leases.acquire_lease(session, self._lease, self._holder, lease_s)
            if not self._has_lease:
                self._watched.forget()
                raise LeaseLost(f"another watcher watches {self._cluster.name}")
            self._renewed = now
            yield session

    def _store_telemetry(self) -> None:
        try:
            partitions, as_of = self._scheduler.partitions(), utc_now()
        except GatewayError as error:
            self._health_check.record_scheduler_error(error.detail)
            raise
        with session_scope() as session:
            telemetry.store_telemetry(session, self._cluster.name, partitions, as_of)

    def _look(self) -> None:
        """Look at the cluster; the next look comes after at least as long as this one took."""
        began = time.monotonic()
        changed = watch.look(self._scheduler, self._watched, self._transaction)
        took_s = time.monotonic() - began
        longest_s = self._watched.shortest_period_s
        self._period_s = self._shortest_s if changed else min(2 * self._period_s, longest_s)
        self._next_look = time.monotonic() + max(self._period_s, took_s)


def main() -> None:
    """Watch the cluster named on the command line until SIGTERM; report its worker's number of slots."""
    configure_logging()
    cluster, concurrency = served_cluster(sys.argv[1]), int(sys.argv[2])
    stop = threading.Event()

    def finish(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    Watcher(cluster, open_scheduler(cluster), concurrency).run(stop)
