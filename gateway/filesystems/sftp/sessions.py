"""Sessions of a cluster: a few SFTP channels of its connection, so that one channel's window is no bound."""

import itertools
import threading

from gateway.clusters.configuration import Cluster
from gateway.command_runners.base import CommandError
from gateway.command_runners.ssh.connections import kept_connection
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.session import Session, unavailable

MOST_SESSIONS = 4  # of the ten channels that sshd allows on a connection


class Sessions:
    """The sessions of one cluster in this process, opened one by one while they are asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._lock = threading.Lock()
        self._turn = itertools.count()
        self._connection: object = None
        self._open: list[Calls] = []

    def first(self) -> Calls:
        """Return the session for calls that move few bytes."""
        return self._get(0)

    def next(self) -> Calls:
        """Return the session whose turn it is, for calls that move many."""
        return self._get(next(self._turn) % MOST_SESSIONS)

    def _get(self, number: int) -> Calls:
        try:
            with self._lock:
                connection = kept_connection(self.cluster).get()
                if connection is not self._connection:
                    self._connection, self._open = connection, []
                self._open = [calls for calls in self._open if calls.session.is_open]
                if number >= len(self._open):
                    self._open.append(Calls(Session(connection)))
                    return self._open[-1]
                return self._open[number]
        except CommandError as error:
            raise unavailable(error) from error
