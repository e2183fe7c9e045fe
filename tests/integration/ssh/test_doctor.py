"""`hpc-gateway doctor` of a cluster that is reached over SSH: PBS of its recordings behind a real sshd."""

import sys
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.command_runners.ssh.connections import close_all
from gateway.operations.doctor import Finding, examine
from tests.pbs.fake_pbs import install
from tests.sshd import Sshd, make_key, running


@pytest.fixture
def cluster(sshd: Sshd, home: Path, tmp_path: Path) -> Cluster:
    path = f"{install(tmp_path)}:/usr/bin:/bin"
    return sshd.cluster(home, scheduler="pbs", path=path, python=sys.executable)


def findings(cluster: Cluster, **change: object) -> dict[str, Finding]:
    changed = Cluster.model_validate(cluster.model_dump() | change)
    return {each.check: each for each in examine(changed) if each.check != "account"}


@pytest.mark.parametrize("files", ["sftp", pytest.param("shared", marks=pytest.mark.long)])
def test_all_is_well(cluster: Cluster, files: str, home: Path) -> None:
    found = findings(cluster, files=files)
    place = "sftp" if files == "sftp" else "filesystem"
    assert list(found) == ["ssh", "scheduler", "partitions", place, "job on a node"]
    assert all(finding.well for finding in found.values()), found
    assert "logged in on " in found["ssh"].found
    assert "hpc_kernels" in found["job on a node"].found
    assert "can be written" in found[place].found
    assert [each.name for each in (home / ".hpc-gateway").iterdir()] == ["doctor"]
    assert list((home / ".hpc-gateway/doctor").iterdir()) == []


def test_two_channels_are_enough(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    with running(tmp_path / "few", "MaxSessions 2") as server:
        found = findings(cluster, ssh=server.access())
        assert all(finding.well for finding in found.values()), found
        close_all()


def test_a_single_channel_is_told(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "single").mkdir()
    with running(tmp_path / "single", "MaxSessions 1") as server:
        found = findings(cluster, ssh=server.access())
        assert (found["ssh"].well, found["scheduler"].well, found["sftp"].well) == (True, True, False)
        assert "raise MaxSessions" in found["sftp"].found
        close_all()


@pytest.mark.long
def test_files_alone_are_reached_over_ssh(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    found = findings(cluster, commands="here")
    assert list(found) == ["scheduler", "partitions", "sftp", "job on a node"]
    assert all(finding.well for finding in found.values()), found


def test_a_log_in_that_fails_ends_the_checks(cluster: Cluster, sshd: Sshd, tmp_path: Path) -> None:
    other = PurePosixPath(make_key(tmp_path / "other"))
    found = findings(cluster, ssh=sshd.access(key=other))
    assert list(found) == ["ssh"]
    assert "does not accept the SSH key" in found["ssh"].found
    assert "host, port, account and key" in found["ssh"].advice


def test_each_part_that_is_missing_is_told_with_its_advice(cluster: Cluster, home: Path) -> None:
    gone = findings(cluster, path="/nonexistent")
    assert list(gone) == ["ssh", "scheduler"]
    assert "qstat is not found" in gone["scheduler"].found
    found = findings(cluster, roots=[f"{home}/gone"], python="/no/such/python")
    assert (found["scheduler"].well, found["sftp"].well, found["job on a node"].well) == (True, False, False)
    assert f"not a folder: {home}/gone" in found["sftp"].found
    assert "create the folder on the cluster" in found["sftp"].advice


def test_start_files_that_print_are_told_and_passed_over(
    cluster: Cluster, sshd: Sshd, tmp_path: Path
) -> None:
    key, own = make_key(tmp_path / "key"), sshd.key.with_suffix(".pub").read_text()
    chatty = 'command="echo Welcome; eval \\"$SSH_ORIGINAL_COMMAND\\""'
    sshd.authorize(own, f"{chatty} {key.with_suffix('.pub').read_text()}")
    found = findings(cluster, ssh=sshd.access(key=PurePosixPath(key)))
    assert found["ssh"].found.endswith("its start files print 'Welcome', which is passed over")
    assert "answers 'Welcome' instead of SFTP" in found["sftp"].found
