"""The runner of commands over SSH: kept shells of one connection, so that a command needs no login."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.clusters.configuration import Cluster
from gateway.command_runners.base import LIMIT_BYTES, TIMEOUT_S, CommandResult
from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.connections import KeptConnection, kept_connection
from gateway.command_runners.ssh.errors import ChannelRefused, SshUnavailable
from gateway.command_runners.ssh.shell import Shell

MOST_SHELLS = 3  # of the ten channels that sshd allows on a connection


class SshRunner:
    """Runs programs on the cluster's login node; they see PATH, LANG and the variables of sshd."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._free = threading.BoundedSemaphore(MOST_SHELLS)
        self._lock, self._most = threading.Lock(), MOST_SHELLS
        self._idle: list[tuple[SshConnection, Shell]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        limit: int = LIMIT_BYTES,
    ) -> CommandResult:
        """Run the program; it has ended, or lost its streams, when this returns."""
        while (result := self._try(argv, stdin, timeout_s, limit)) is None:
            pass
        return result

    def chatter(self) -> str:
        """Return the text that the account's start files print before a command's own output."""
        with self._shell() as shell:
            return shell.chatter

    def _try(self, argv: Sequence[str], stdin: bytes, timeout_s: float, limit: int) -> CommandResult | None:
        """Run the program in a shell of its turn; None where the server has too few channels for that one."""
        if not self._free.acquire(timeout=timeout_s):
            raise SshUnavailable(f"all channels to {self._cluster.name} were busy for {timeout_s:g} s")
        is_less = False
        try:
            with self._shell() as shell:
                return shell.run(argv, stdin, timeout_s, limit)
        except ChannelRefused:
            if not (is_less := self._use_one_less()):
                raise
            return None
        finally:
            if not is_less:
                self._free.release()

    def _use_one_less(self) -> bool:
        """Make do with one shell less; return False for the last one."""
        with self._lock:
            if self._most == 1:
                return False
            self._most -= 1
            return True

    @contextmanager
    def _shell(self) -> Iterator[Shell]:
        """Lend an idle shell of the live connection, or a new one; a block that fails ends it."""
        kept = kept_connection(self._cluster)
        connection = kept.get()
        shell = self._take(connection) or self._open(kept, connection)
        try:
            yield shell
        except BaseException:
            shell.close()
            raise
        self._idle.append((connection, shell))

    def _open(self, kept: KeptConnection, connection: SshConnection) -> Shell:
        """Open a shell; a connection that does not answer, as a frozen one, is ended."""
        try:
            return Shell(connection, self._cluster.path)
        except ChannelRefused:
            raise
        except SshUnavailable:
            kept.drop(connection)
            raise

    def _take(self, connection: SshConnection) -> Shell | None:
        """Return an idle shell of this connection; end those of others, which are broken."""
        while self._idle:
            owner, shell = self._idle.pop()
            if owner is connection:
                return shell
            shell.close()
        return None
