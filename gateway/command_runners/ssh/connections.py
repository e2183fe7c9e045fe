"""Connections: one for each cluster and process, made when it is needed and anew after it broke."""

import os
import threading
import time
from dataclasses import dataclass, field

from gateway.clusters.configuration import Cluster
from gateway.clusters.ssh_access import SshAccess
from gateway.command_runners.base import CommandError
from gateway.command_runners.ssh.address import pin_address
from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.errors import SshRefused
from gateway.settings import get_settings

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


@dataclass
class KeptConnection:
    """The connection of one cluster in this process; after a failed try others fail alike for a while."""

    access: SshAccess
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connection: SshConnection | None = None
    _error: CommandError | None = None
    _pause_s: float = FIRST_PAUSE_S
    _again_at: float = 0.0

    def get(self) -> SshConnection:
        """Return the connection, or make it; raise the error of the last try during the pause after it."""
        with self._lock:
            if self._connection is not None:
                if self._connection.is_alive():
                    return self._connection
                self._connection.close()
                self._connection = None
            if self._error is not None and time.monotonic() < self._again_at:
                raise self._error
            return self._connect()

    def drop(self, connection: SshConnection) -> None:
        """End the connection, which does not answer, unless another one has taken its place."""
        with self._lock:
            if connection is self._connection:
                self._connection.close()
                self._connection = None

    def close(self) -> None:
        """End the connection, if there is one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> SshConnection:
        try:
            self._connection = SshConnection(self.access, pin_address(self.access, get_settings().ssh_hosts))
        except CommandError as error:
            self._error, self._again_at = error, time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            raise
        self._error, self._pause_s = None, FIRST_PAUSE_S
        return self._connection


_kept: dict[tuple[int, SshAccess], KeptConnection] = {}
_lock = threading.Lock()


def kept_connection(cluster: Cluster) -> KeptConnection:
    """Return the connection of the cluster in this process; a fork has connections of its own."""
    if cluster.ssh is None:
        raise SshRefused(f"{cluster.name}: the table [{cluster.name}.ssh] is missing in the configuration")
    with _lock:
        return _kept.setdefault((os.getpid(), cluster.ssh), KeptConnection(cluster.ssh))


def close_all() -> None:
    """End the connections of this process."""
    with _lock:
        mine = [key for key in _kept if key[0] == os.getpid()]
        for key in mine:
            _kept.pop(key).close()
