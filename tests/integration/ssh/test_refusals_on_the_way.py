"""Servers that refuse before or behind a jump host: the sentence names the one of them, and its setting."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.clusters.ssh_access import SshHop
from gateway.command_runners.ssh.errors import SshRefused, SshUnavailable
from gateway.command_runners.ssh.runner import SshRunner
from tests.sshd import Sshd, free_port, make_key, running


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("jump")) as server:
        yield server


def fail(sshd: Sshd, home: Path, expected: type[Exception], **access: Any) -> str:
    """Return the sentence of a command that cannot be run."""
    with pytest.raises(expected) as raised:
        SshRunner(sshd.cluster(home, ssh=sshd.access(**access))).run(["true"])
    return str(raised.value)


def hop(server: Sshd, **change: Any) -> SshHop:
    given = server.access().model_dump(exclude={"jump", "judged", "bound_to"})
    return SshHop(**(given | change))


def test_a_jump_host_that_refuses_is_named(sshd: Sshd, first: Sshd, home: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    told = fail(sshd, home, SshRefused, jump=hop(first, key=PurePosixPath(other)))
    assert f"[127.0.0.1]:{first.port} does not accept the SSH key" in told
    public = " ".join(other.with_suffix(".pub").read_text().split()[:2])
    told = fail(sshd, home, SshRefused, jump=hop(first, host_key=public))
    assert f"the host key of [127.0.0.1]:{first.port} has changed" in told


def test_a_server_behind_a_jump_host_that_refuses_is_named(
    sshd: Sshd, first: Sshd, home: Path, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other")
    told = fail(sshd, home, SshRefused, jump=hop(first), key=PurePosixPath(other))
    assert f"[127.0.0.1]:{sshd.port} does not accept the SSH key" in told


def test_a_jump_host_that_finds_no_server_behind_it(sshd: Sshd, first: Sshd, home: Path) -> None:
    port = free_port()
    told = fail(sshd, home, SshUnavailable, jump=hop(first), port=port)
    assert f"the jump host [127.0.0.1]:{first.port} leads to no [127.0.0.1]:{port}" in told


def test_a_jump_host_that_passes_nothing_on(sshd: Sshd, home: Path, tmp_path: Path) -> None:
    with running(tmp_path, "AllowTcpForwarding no") as server:
        told = fail(sshd, home, SshUnavailable, jump=hop(server))
    assert f"the jump host [127.0.0.1]:{server.port} leads to no" in told
    assert "AllowTcpForwarding yes" in told


def test_a_revoked_host_key(sshd: Sshd, home: Path, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"@revoked * {sshd.host_key}\n[127.0.0.1]:{sshd.port} {sshd.host_key}\n")
    told = fail(sshd, home, SshRefused, host_key="", known_hosts=PurePosixPath(known))
    assert "marked as revoked" in told


def test_the_server_whose_algorithms_differ_is_named(
    sshd: Sshd, first: Sshd, home: Path, tmp_path: Path
) -> None:
    with running(tmp_path, "Ciphers 3des-cbc") as old:
        told = fail(sshd, home, SshRefused, jump=hop(old))
        assert f"[127.0.0.1]:{old.port} and the OpenSSH client here have no cipher in common" in told
        told = fail(old, home, SshRefused, jump=hop(first))
        assert f"[127.0.0.1]:{old.port} and the OpenSSH client here have no cipher in common" in told


def test_a_full_server_behind_a_jump_host(first: Sshd, home: Path, tmp_path: Path) -> None:
    with running(tmp_path, "MaxStartups 1:100:1\nLoginGraceTime 60") as server, server.silent_client():
        told = fail(server, home, SshUnavailable, jump=hop(first))
    assert f"[127.0.0.1]:{server.port}" in told
