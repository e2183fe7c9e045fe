"""The filesystem behind SFTP: files appear whole, resume, stay inside the roots; refusals are sentences."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.connections import kept_connection
from gateway.command_runners.ssh.errors import SshUnavailable
from gateway.command_runners.ssh.runner import SshRunner
from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.filesystems.listing_bounds import DEEPEST
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.sessions import Sessions
from tests.polling import until
from tests.sshd import SFTP_SERVER, Sshd, make_key
from tests.staging import at, everything

TOKEN = "0123456789abcdef"


def test_a_file_appears_whole_with_its_folders(files: SftpFilesystem, home: Path) -> None:
    data = os.urandom((5 << 20) + 17)
    with files.receive(at(home, "a/ü b/x.csv")) as incoming:
        incoming.check_space(len(data))
        threads = [
            threading.Thread(target=incoming.write_at, args=(data[begin : begin + (1 << 20)], begin))
            for begin in range(0, len(data), 1 << 20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert incoming.size == len(data)
        assert not (home / "a/ü b/x.csv").exists()
    assert (home / "a/ü b/x.csv").read_bytes() == data
    assert everything(home) == ["a", "a/ü b", "a/ü b/x.csv"]
    with files.read(at(home, "a/ü b/x.csv")) as source:
        assert source.read_whole().read() == data
        buffer = memoryview(bytearray(3 << 20))
        assert source.read_into(buffer, len(data) - 5) == data[-5:]
        (home / "a/ü b/x.csv").write_bytes(b"another")
        with pytest.raises(FilesystemError, match="was changed while it was read"):
            source.check_unchanged()


def test_a_try_with_a_token_resumes_and_is_discarded(files: SftpFilesystem, home: Path) -> None:
    with suppress(FilesystemUnavailable), files.receive(at(home, "x"), TOKEN) as incoming:
        incoming.write_at(b"first", 0)
        incoming.note("one\n")
        incoming.note("two\n")
        raise FilesystemUnavailable("for a while")
    with suppress(FilesystemUnavailable), files.receive(at(home, "x"), TOKEN) as incoming:
        assert (incoming.size, incoming.notes()) == (5, "one\ntwo\n")
        assert bytes(incoming.read_at(memoryview(bytearray(9)), 0)) == b"first"
        incoming.restart()
        assert (incoming.size, incoming.notes()) == (0, "")
        raise FilesystemUnavailable("again")
    files.discard(at(home, "x"), TOKEN)
    files.discard(at(home, "gone/x"), TOKEN)
    assert everything(home) == []
    with pytest.raises(FilesystemError), files.receive(at(home, "x"), TOKEN) as incoming:
        raise FilesystemError("for good")
    assert everything(home) == []


def test_a_link_at_the_destination_is_replaced_not_followed(files: SftpFilesystem, home: Path) -> None:
    (home / "old").write_text("old")
    (home / "x").symlink_to("old")
    files.write_text(at(home, "x"), "new")
    assert ((home / "old").read_text(), (home / "x").is_symlink()) == ("old", False)
    assert files.read_text(at(home, "x"), 2) == "ne"
    assert files.read_text(at(home, "x"), 2, tail=True) == "ew"


@pytest.fixture
def outside(tmp_path: Path, home: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (home / "link").symlink_to(outside)
    (home / "file").symlink_to(outside / "secret")
    return outside


@pytest.mark.parametrize("path", ["link/secret", "link/../outside/secret", "../outside/secret"])
def test_links_that_leave_the_roots_are_refused(
    files: SftpFilesystem, home: Path, outside: Path, path: str
) -> None:
    with (
        pytest.raises(FilesystemError, match="leads through a symbolic link out|leaves the folders"),
        files.read(at(home, path)),
    ):
        pass
    with pytest.raises(FilesystemError, match="leads through a symbolic link out|leaves the folders"):
        files.write_text(at(home, f"{path.removesuffix('/secret')}/new"), "x")
    assert [each.name for each in outside.iterdir()] == ["secret"]


def test_refusals_are_sentences(files: SftpFilesystem, home: Path) -> None:
    (home / "folder").mkdir()
    (home / "file").write_text("x")
    os.mkfifo(home / "pipe")
    for path, says in [
        ("gone", "does not exist on the cluster: check the path"),
        ("folder", "is not a file on the cluster"),
        ("pipe", "is not a file on the cluster"),
    ]:
        with pytest.raises(FilesystemError, match=says), files.read(at(home, path)):
            pass
    with pytest.raises(FilesystemError, match="is a folder on the cluster where a file is needed"):
        files.write_text(at(home, "folder"), "x")
    with pytest.raises(FilesystemError, match="folder on the cluster where a file|is a file where a folder"):
        files.write_text(at(home, "file/x"), "x")
    with pytest.raises(FilesystemError, match="is a folder on the cluster where a file is needed"):
        files.write_text(PurePosixPath(home), "x")


def test_listing_and_removal(files: SftpFilesystem, home: Path) -> None:
    (home / "a/b").mkdir(parents=True)
    (home / "a/x").write_text("12")
    (home / "a/b/y").write_text("123")
    (home / "a/z").symlink_to("x")
    (home / f"a/.x.{TOKEN}.part").write_text("")
    assert dict(files.files(at(home, "a"))) == {"x": 2, "b/y": 3, "z": 2}
    assert files.links(at(home, "a")) == [at(home, "a/z")]
    assert files.links(at(home, "gone")) == []
    old = datetime.now(UTC) - timedelta(days=1)
    files.remove_file(at(home, "a/x"), 2, old)
    files.remove_file(at(home, "a/x"), 3, datetime.now(UTC) + timedelta(days=1))
    assert (home / "a/x").exists()
    files.remove_file(at(home, "a/x"), 2, datetime.now(UTC) + timedelta(days=1))
    files.remove_file(at(home, "a/gone"), 2, old)
    assert not (home / "a/x").exists()
    assert files.exists(at(home, "a/b"))
    assert not files.exists(at(home, "a/x/y"))
    files.remove_folder(at(home, "a"))
    files.remove_folder(at(home, "a"))
    assert everything(home) == []


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False)
    if mount.returncode:
        pytest.skip("needs to mount a tmpfs")
    yield folder
    subprocess.run(["/usr/bin/umount", folder], check=True)


def test_a_full_disk_is_told(sessions: Sessions, small: Path) -> None:
    files = SftpFilesystem(sessions, [PurePosixPath(small)])
    with pytest.raises(FilesystemError, match="no space is left on the cluster for .*x: free some"):
        _fill(files, at(small, "x"))
    assert everything(small) == []


def _fill(files: SftpFilesystem, path: PurePosixPath) -> None:
    with files.receive(path) as incoming:
        with pytest.raises(FilesystemError, match="no space is left .* it has 2097152 bytes or more"):
            incoming.check_space(2 << 20)
        incoming.write_at(bytes(2 << 20), 0)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("echo hello there; cat", "answers 'hello there.* instead of SFTP: its start files"),
        ("exit 1", "offers no SFTP to the account"),
    ],
    ids=["chatty", "none"],
)
def test_accounts_without_sftp(*, sshd: Sshd, home: Path, tmp_path: Path, command: str, says: str) -> None:
    key, own = make_key(tmp_path / "key"), sshd.key.with_suffix(".pub").read_text()
    sshd.authorize(own, f'command="{command}" {key.with_suffix(".pub").read_text()}')
    cluster = sshd.cluster(home, ssh=sshd.access(key=PurePosixPath(key)))
    with pytest.raises(FilesystemError, match=says):
        SftpFilesystem(Sessions(cluster), [PurePosixPath(home)]).exists(at(home, "x"))


def test_a_channel_that_ends_with_its_connection_is_no_refusal(
    sshd: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For some milliseconds a connection that breaks seems to be alive."""
    cluster = sshd.cluster(home)
    connection = kept_connection(cluster).get()
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGKILL)
    until("the connection ends", lambda: not connection.is_alive())
    monkeypatch.setattr(SshConnection, "is_alive", lambda _: True)
    with pytest.raises(FilesystemUnavailable, match="it is tried again"):
        Sessions(cluster).first()
    with pytest.raises(SshUnavailable, match="it is tried again"):
        SshRunner(cluster).run(["true"])


def test_an_account_for_sftp_alone_serves_files(sshd: Sshd, home: Path, tmp_path: Path) -> None:
    key, own = make_key(tmp_path / "key"), sshd.key.with_suffix(".pub").read_text()
    sshd.authorize(own, f'command="{SFTP_SERVER}",restrict {key.with_suffix(".pub").read_text()}')
    cluster = sshd.cluster(home, ssh=sshd.access(key=PurePosixPath(key)))
    SftpFilesystem(Sessions(cluster), [PurePosixPath(home)]).write_text(at(home, "x"), "in")
    assert (home / "x").read_text() == "in"


def test_folders_that_are_too_deep_are_not_listed(files: SftpFilesystem, home: Path) -> None:
    (home / "/".join(["a"] * (DEEPEST + 1))).mkdir(parents=True)
    with pytest.raises(FilesystemError, match="more than 200 deep"):
        list(files.files(at(home, "")))
