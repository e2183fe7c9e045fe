"""The pulse of a cluster: its scheduler is asked, its folders are looked at, and the result is kept."""

import threading
import time
from pathlib import Path

from gateway.clusters import heartbeats
from gateway.clusters.configuration import Cluster
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.schedulers.base import Scheduler

FILES_S = 3.0


class HealthCheck:
    """Tries everything every few seconds. A filesystem that hangs blocks one thread and nothing else."""

    def __init__(self, cluster: Cluster, scheduler: Scheduler, worker: str) -> None:
        self._cluster, self._scheduler, self._worker = cluster, scheduler, worker
        self._next = 0.0
        self._thread: threading.Thread | None = None
        self._files = ""

    def take(self) -> None:
        """Try everything if it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + heartbeats.PERIOD_S
        found = self._ask_scheduler(), self._look_at_files()
        with session_scope() as session:
            heartbeats.record_heartbeat(session, self._cluster.name, self._worker, *found)

    def _ask_scheduler(self) -> str:
        try:
            self._scheduler.partitions()
        except GatewayError as error:
            return error.detail
        return ""

    def _look_at_files(self) -> str:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        self._thread.join(FILES_S)
        if self._thread.is_alive():
            return f"the filesystem has not answered for {FILES_S:g} s"
        return self._files

    def _look(self) -> None:
        try:
            missing = [str(root) for root in self._cluster.base_folders if not Path(root).is_dir()]
            self._files = f"not a folder: {', '.join(missing)}" if missing else ""
        except OSError as error:
            self._files = str(error)
