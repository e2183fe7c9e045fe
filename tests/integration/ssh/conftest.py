"""One sshd for the session, and the connections of this process ended after each test."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from gateway.command_runners.ssh.connections import close_all
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.sessions import Sessions
from tests.sshd import Sshd, running


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_connections_left() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def sessions(sshd: Sshd, home: Path) -> Sessions:
    return Sessions(sshd.cluster(home))


@pytest.fixture
def files(sessions: Sessions, home: Path) -> SftpFilesystem:
    return SftpFilesystem(sessions, [PurePosixPath(home)])
