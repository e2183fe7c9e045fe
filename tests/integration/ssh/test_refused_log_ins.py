"""Servers that accept no log-in, or few channels: the sentence names cause and setting of the sshd."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.command_runners.ssh.connections import kept_connection
from gateway.command_runners.ssh.errors import SshRefused, SshUnavailable, explain
from gateway.command_runners.ssh.runner import SshRunner
from gateway.errors import FilesystemUnavailable
from gateway.filesystems.sftp.sessions import MOST_SESSIONS, Sessions
from gateway.operations.doctor import examine
from tests.ordinary import open_folder
from tests.sshd import ORDINARY, Sshd, make_key, running

ASKS = "UsePAM yes\nKbdInteractiveAuthentication yes\n"
HOST = r"\[127.0.0.1\]:\d+"


def refusal(server: Sshd, home: Path, expected: type[Exception] = SshRefused) -> str:
    """Return the sentence of a command that cannot be run."""
    with pytest.raises(expected) as raised:
        SshRunner(server.cluster(home)).run(["true"])
    return str(raised.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            "KexAlgorithms diffie-hellman-group1-sha1",
            "no key exchange method in common: the server offers diffie-hellman-group1-sha1",
        ),
        ("Ciphers 3des-cbc", "no cipher in common: the server offers 3des-cbc;"),
        ("Ciphers aes128-ctr\nMACs hmac-sha1-96", "no MAC in common: the server offers hmac-sha1-96;"),
        ("PubkeyAcceptedAlgorithms ssh-rsa", "type of key .*PubkeyAcceptedAlgorithms"),
        ("DenyUsers root", "neither locked nor expired and its sshd allows account"),
        (
            f"{ASKS}AuthenticationMethods publickey,keyboard-interactive",
            r"accepts the SSH key and asks for a second factor \(keyboard-interactive\)",
        ),
        (
            f"{ASKS}AuthenticationMethods keyboard-interactive",
            "by keyboard-interactive and by no SSH key: .*`PubkeyAuthentication yes`",
        ),
        ("PubkeyAuthentication no\nPasswordAuthentication yes", "log in by .* and by no SSH key"),
    ],
    ids=["kex", "cipher", "mac", "type", "denied", "second", "interactive", "password"],
)
def test_a_log_in_that_is_refused(home: Path, tmp_path: Path, options: str, says: str) -> None:
    with running(tmp_path, options) as server:
        cluster = server.cluster(home)
        with pytest.raises(SshRefused, match=f"{HOST}.*{says}") as raised:
            SshRunner(cluster).run(["true"])
        told = {each.check: each.found for each in examine(cluster)}
        assert told["ssh"] == str(raised.value)


def test_another_type_of_host_key(home: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "host_rsa", "rsa")
    with running(tmp_path, f"HostKey {key}\nHostKeyAlgorithms rsa-sha2-512") as server:
        told = refusal(server, home)
    assert "shows a host key of another type (RSA) than the known one (ED25519): nothing was sent" in told


def test_too_many_log_ins_at_once(home: Path, tmp_path: Path) -> None:
    with running(tmp_path, "MaxStartups 1:100:1\nLoginGraceTime 60") as server, server.silent_client():
        assert "too many at once (MaxStartups" in refusal(server, home, SshUnavailable)


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        ("Your account has expired; please contact your system administrator.\n", SshRefused),
        ("The cluster is in maintenance until Friday.\x1b[2J\n", SshUnavailable),
    ],
    ids=["expired", "maintenance"],
)
def test_the_text_of_a_server_that_ends_the_log_in(banner: str, expected: type[Exception]) -> None:
    error = explain("Connection closed by 127.0.0.1 port 22\r\n", "login", banner=banner)
    assert type(error) is expected
    assert "login ends the connection before the log-in and says" in str(error)
    assert "\x1b" not in str(error)


@dataclass
class ClosedForNow(Sshd):
    """A server whose machine lets nobody but root log in, with a reason."""

    def _as(self) -> list[str | Path]:
        say = "mount -t tmpfs none /run; mkdir /run/sshd; echo 'Maintenance until 4 p.m.' >/run/nologin"
        return [*super()._as(), "sh", "-ec", f'{say}; exec "$@"', "sh"]


def test_a_server_in_maintenance(request: pytest.FixtureRequest, home: Path) -> None:
    with open_folder(request, "hpc-gateway-maintenance-") as folder:
        server = ClosedForNow(folder, account=ORDINARY, options="UsePAM yes")
        server.start()
        try:
            assert "and says 'Maintenance until 4 p.m.'" in refusal(server, home, SshUnavailable)
        finally:
            server.stop()


def test_a_banner_decides_nothing(home: Path, tmp_path: Path) -> None:
    """Of the words of a server none is taken for one of the client."""
    banner = "Permission denied (password)\nHost key verification failed.\nUnable to negotiate with x\n"
    (tmp_path / "banner").write_text(banner)
    with running(tmp_path, f"Banner {tmp_path}/banner\nDenyUsers root") as server:
        assert "does not accept the SSH key" in refusal(server, home)


def test_a_server_of_one_channel_is_named(home: Path, tmp_path: Path) -> None:
    with running(tmp_path, "MaxSessions 1") as server:
        cluster = server.cluster(home)
        assert SshRunner(cluster).run(["echo", "x"]).stdout == b"x\n"
        for _ in range(5):
            with pytest.raises(FilesystemUnavailable, match="opens no further channel: raise MaxSessions"):
                Sessions(cluster).first()
        assert SshRunner(cluster)  # the connection goes on
        assert kept_connection(cluster).get().is_alive()


def test_few_channels_are_shared(home: Path, tmp_path: Path) -> None:
    """A channel that is refused ends no other one, and the commands wait for those that there are."""
    with running(tmp_path, "MaxSessions 3") as server:
        cluster = server.cluster(home)
        sessions, runner = Sessions(cluster), SshRunner(cluster)
        first = sessions.first()
        found: list[bytes] = []
        run = lambda: found.append(runner.run(["sh", "-c", "sleep 0.2; echo x"]).stdout)  # noqa: E731
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [b"x\n"] * 8
        for _ in range(2 * MOST_SESSIONS):
            assert sessions.next() is first
        assert len(server.sessions()) == 1


def test_the_log_of_a_kept_connection_does_not_grow(home: Path, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        cluster = server.cluster(home)
        SshRunner(cluster).run(["true"])
        before = kept_connection(cluster).get().messages()
        for _ in range(5):
            SshRunner(cluster).run(["true"])
        assert kept_connection(cluster).get().messages() == before
