"""Sessions of a cluster: a few SFTP channels of its connection, so that one channel's window is no bound."""

import itertools
import threading

from gateway.clusters.configuration import Cluster
from gateway.command_runners.base import CommandError
from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.connections import kept_connection
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.session import NoFurtherSession, Session, as_filesystem_error

MOST_SESSIONS = 4  # of the ten channels that sshd allows on a connection


class Sessions:
    """The sessions of one cluster in this process, opened one by one while they are asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._lock = threading.Lock()
        self._turn = itertools.count()
        self._connection: object = None
        self._open: list[Calls] = []
        self._most = MOST_SESSIONS

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
                    self._connection, self._open, self._most = connection, [], MOST_SESSIONS
                self._open = [calls for calls in self._open if calls.session.is_open]
                if len(self._open) <= min(number, self._most - 1):
                    self._add(connection)
                return self._open[number % len(self._open)]
        except CommandError as error:
            raise as_filesystem_error(error) from error

    def _add(self, connection: SshConnection) -> None:
        """Open one more session; where the server allows none, those that are open do its work."""
        try:
            self._open.append(Calls(Session(connection)))
        except NoFurtherSession:
            if not self._open:
                raise
            self._most = len(self._open)
