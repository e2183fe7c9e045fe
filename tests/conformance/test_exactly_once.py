"""A worker killed between qsub and the record of it: as many jobs as rows in PBS, by their exact names."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.killed_workers import killed_submissions
from tests.conformance.places import missing
from tests.ordinary import open_folder, own
from tests.pbs.fake_pbs import install
from tests.pbs.fake_server import State
from tests.sshd import ORDINARY, running

CONFIGURATION = """
[demo]
scheduler = "pbs"
home = "{home}"
path = "{path}"
python = "/bin/true"
"""
OVER_SSH = """
commands = "ssh"
files = "sftp"
[demo.ssh]
host = "127.0.0.1"
port = {port}
username = "{account}"
key = "{key}"
host_key = "{host_key}"
"""


@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.long)])
def test_killed_between_qsub_and_record(request: pytest.FixtureRequest, count: int) -> None:
    with open_folder(request, "hpc-gateway-pbs-") as folder:
        own(folder)
        path = f"{install(folder)}:/usr/bin:/bin"
        infrastructures = folder / "pbs.toml"
        infrastructures.write_text(CONFIGURATION.format(home=folder / "stack" / "cluster", path=path))
        check(infrastructures, folder, path, count)


@pytest.mark.long
def test_killed_between_qsub_and_record_over_ssh(request: pytest.FixtureRequest) -> None:
    if reason := missing("pbs-ssh"):
        pytest.skip(reason)
    with open_folder(request, "hpc-gateway-pbs-ssh-") as folder, _reached_by_ssh(folder) as access:
        own(folder)
        path = f"{install(folder)}:/usr/bin:/bin"
        home = folder / "home"
        home.mkdir(mode=0o700)
        shutil.chown(home, ORDINARY)
        infrastructures = folder / "pbs.toml"
        infrastructures.write_text(CONFIGURATION.format(home=home, path=path) + access)
        check(infrastructures, folder, "/usr/bin:/bin", 50)


@contextmanager
def _reached_by_ssh(folder: Path) -> Iterator[str]:
    """Run an sshd for another account than that of the worker; yield the lines of the configuration."""
    keys = folder / "sshd"
    keys.mkdir()
    with running(keys, account=ORDINARY) as server:
        own(server.key)
        yield OVER_SSH.format(port=server.port, account=ORDINARY, key=server.key, host_key=server.host_key)


def check(infrastructures: Path, folder: Path, path: str, count: int) -> None:
    """Submit so many jobs by workers that are killed, and compare their records with PBS's own."""
    recorded = killed_submissions(infrastructures, folder, path, count)
    jobs = {job["record"]["Job_Name"]: number for number, job in State(folder / "pbs").jobs().items()}
    assert len(State(folder / "pbs").jobs()) == count
    assert recorded == jobs
