"""The heartbeats of a cluster: the slots of its worker, and a check of the scheduler and the folders."""

import threading
import time

from gateway.clusters import heartbeats
from gateway.clusters.configuration import Cluster
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.filesystems.opening import missing_folders
from gateway.schedulers.base import Scheduler
from gateway.settings import get_settings

FILESYSTEM_TIMEOUT_S = 3.0


class SlotsReport:
    """Reports the slots of a worker, several times in the time after which a report expires."""

    def __init__(self, cluster: str, worker: str, concurrency: int) -> None:
        self._report = cluster, worker, concurrency
        self._next_report = 0.0

    def send_if_due(self) -> None:
        """Store the number of slots when the period is over."""
        if time.monotonic() < self._next_report:
            return
        self._next_report = time.monotonic() + get_settings().lease_s / 3
        with session_scope() as session:
            heartbeats.record_slots(session, *self._report)

    def withdraw(self) -> None:
        """Remove the report of a worker that stops."""
        with session_scope() as session:
            heartbeats.forget_slots(session, *self._report[:2])


class HealthCheck:
    """Checks a cluster periodically. A filesystem that hangs blocks one thread and nothing else."""

    def __init__(self, cluster: Cluster, scheduler: Scheduler, worker: str) -> None:
        self._cluster, self._scheduler, self._worker = cluster, scheduler, worker
        self._next_check = 0.0
        self._thread: threading.Thread | None = None
        self._filesystem_error = ""

    def run_if_due(self) -> None:
        """Check scheduler and filesystem when the period is over, and store a heartbeat."""
        if time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + heartbeats.PERIOD_S
        self._record(self._check_scheduler(), self._check_filesystem())

    def record_scheduler_error(self, error: str) -> None:
        """Store a heartbeat with an error that another call of the scheduler met between two checks."""
        self._record(error, self._filesystem_error)

    def _record(self, *errors: str) -> None:
        name, definition = self._cluster.name, self._cluster.fingerprint
        with session_scope() as session:
            heartbeats.record_heartbeat(session, name, self._worker, *errors, definition=definition)

    def _check_scheduler(self) -> str:
        try:
            self._scheduler.check()
        except GatewayError as error:
            return error.detail
        return ""

    def _check_filesystem(self) -> str:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._check_folders, daemon=True)
            self._thread.start()
        self._thread.join(FILESYSTEM_TIMEOUT_S)
        if self._thread.is_alive():
            return f"the filesystem has not answered for {FILESYSTEM_TIMEOUT_S:g} s"
        return self._filesystem_error

    def _check_folders(self) -> None:
        try:
            missing = missing_folders(self._cluster)
            self._filesystem_error = f"not a folder: {', '.join(missing)}" if missing else ""
        except (OSError, GatewayError) as error:
            self._filesystem_error = str(error)
