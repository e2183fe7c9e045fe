"""A real sshd on loopback, with keys of its own, for the tests of clusters that are reached over SSH."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pytest

from gateway.clusters.configuration import Cluster
from gateway.clusters.ssh_access import SshAccess

PROGRAM = Path("/usr/sbin/sshd")
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
ACCOUNT = "root"
ORDINARY = "games"  # an account of every Debian that is neither root nor that of the service
# Gives the account a shell and a home for this process and its children alone.
_WITH_PASSWD = 'mount --bind "$1" /etc/passwd; shift; exec "$@"'


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    words = ("ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path))
    subprocess.run([*words, *(("-b", "3072") if kind == "rsa" else ())], check=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Sshd:
    """A running server. Its own options come first: of two lines with the same name sshd takes the first."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: str = ""
    account: str = ACCOUNT
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        make_key(self.folder / "host")
        make_key(self.folder / "id")
        self.authorize(self.key.with_suffix(".pub").read_text())

    @property
    def key(self) -> Path:
        return self.folder / "id"

    @property
    def host_key(self) -> str:
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    def authorize(self, *lines: str) -> None:
        path = self.folder / "authorized_keys"
        path.write_text("".join(lines))
        path.chmod(0o644)

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"{self.options}\nPort {self.port}\nListenAddress 127.0.0.1\n"
            f"HostKey {self.folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"Subsystem sftp {SFTP_SERVER}\n"
        )
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([*self._as(), PROGRAM, "-D", "-e", "-f", config], stderr=log)
        log.close()
        until = time.monotonic() + 20
        while not answers(self.port):
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def _as(self) -> list[str | Path]:
        """Return the words before the command line that give an ordinary account a shell."""
        if self.account == ACCOUNT:
            return []
        passwd, line = self.folder / "passwd", rf"(?m)^({self.account}:.*):[^:]*:[^:]*$"
        passwd.write_text(re.sub(line, rf"\1:{self.folder}:/bin/bash", Path("/etc/passwd").read_text()))
        apart = ("unshare", "--mount", "--propagation", "slave", "sh", "-ec", _WITH_PASSWD, "sh")
        return [*apart, passwd]

    def stop(self) -> None:
        """End the listening server and the processes of its connections."""
        if self.process is not None:
            for pid in self.sessions():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def silent_client(self) -> Iterator[None]:
        """Hold a connection that does not log in; one that is refused for an earlier one is made again."""
        until_s = time.monotonic() + 20
        while True:
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                if client.recv(4) == b"SSH-":
                    yield
                    return
            assert time.monotonic() < until_s
            time.sleep(0.05)

    def sessions(self) -> list[int]:
        """Return the processes that serve one connection each."""
        assert self.process is not None
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def access(self, **more: Any) -> SshAccess:
        values = {"host": "127.0.0.1", "port": self.port, "username": self.account}
        values["key"] = PurePosixPath(self.key)
        return SshAccess(**({"host_key": self.host_key} | values | more))

    def cluster(self, home: Path, **more: Any) -> Cluster:
        given = {"name": "far", "scheduler": "slurm", "commands": "ssh", "files": "sftp"}
        return Cluster(**(given | {"home": PurePosixPath(home), "ssh": self.access()} | more))


@contextmanager
def running(folder: Path, options: str = "", account: str = ACCOUNT) -> Iterator[Sshd]:
    if not PROGRAM.exists():
        pytest.skip("there is no sshd: apt-get install openssh-server")
    server = Sshd(folder, options=options, account=account)
    server.start()
    try:
        yield server
    finally:
        server.stop()
