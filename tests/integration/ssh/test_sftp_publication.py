"""Publication over SFTP: an existing file is replaced, refused, or kept when its bytes are the same."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import FilesystemError
from gateway.filesystems.publication import Existing
from gateway.filesystems.sftp.calls import SftpFailure
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.sessions import Sessions
from tests.filesystems import full_disk
from tests.staging import at, everything

REFUSED = "exists on the cluster, and `overwrite` is false"
WHOLE = b"n" * (100 << 10)
Plant = Callable[[Path], object]


def receive(
    files: SftpFilesystem, home: Path, existing: Existing, plant: Plant = lambda _: None, data: bytes = WHOLE
) -> None:
    """Write a file at `x`; `plant` is called when its bytes are there."""
    with files.receive(at(home, "x"), "0123456789ab", existing) as incoming:
        incoming.write_at(data, 0)
        plant(home / "x")


@pytest.mark.parametrize("existing", Existing, ids=str)
def test_a_new_file_appears_under_each_rule(files: SftpFilesystem, home: Path, existing: Existing) -> None:
    receive(files, home, existing)
    assert (home / "x").read_bytes() == WHOLE
    assert everything(home) == ["x"]


def test_an_existing_file_is_refused_before_a_byte_is_written(files: SftpFilesystem, home: Path) -> None:
    (home / "x").write_bytes(b"old")
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(files, home, Existing.REFUSE, lambda _: pytest.fail("the block has begun"))
    assert (home / "x").read_bytes() == b"old"
    assert everything(home) == ["x"]


def test_a_folder_is_refused_before_a_byte_is_written(files: SftpFilesystem, home: Path) -> None:
    (home / "x").mkdir()
    for existing in Existing:
        with pytest.raises(FilesystemError, match="is a folder on the cluster where a file is needed"):
            receive(files, home, existing, lambda _: pytest.fail("the block has begun"))
    assert everything(home) == ["x"]


PLANTED: dict[str, Plant] = {
    "a file": lambda x: x.write_bytes(b"old"),
    "a file of the same size": lambda x: x.write_bytes(WHOLE[:-1] + b"o"),
    "a folder": lambda x: x.mkdir(),
    "a dangling link": lambda x: x.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
    "an equal file": lambda x: x.write_bytes(WHOLE),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_a_file_that_appears_meanwhile_is_refused(files: SftpFilesystem, home: Path, plant: Plant) -> None:
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(files, home, Existing.REFUSE, plant)
    assert everything(home) == ["x"]


@pytest.mark.parametrize("plant", [plant for name, plant in PLANTED.items() if name != "an equal file"])
def test_a_later_claim_refuses_other_bytes(files: SftpFilesystem, home: Path, plant: Plant) -> None:
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(files, home, Existing.KEEP_EQUAL, plant)
    assert everything(home) == ["x"]


@pytest.mark.parametrize("data", [WHOLE, b""], ids=["some", "empty"])
def test_a_later_claim_keeps_a_file_with_the_same_bytes(
    files: SftpFilesystem, home: Path, data: bytes
) -> None:
    (home / "x").write_bytes(data)
    before = (home / "x").stat()
    receive(files, home, Existing.KEEP_EQUAL, data=data)
    assert (home / "x").stat().st_ino == before.st_ino
    assert everything(home) == ["x"]


def test_a_failure_with_another_cause_is_no_taken_name(
    sessions: Sessions, home: Path, tmp_path: Path
) -> None:
    """A link to another filesystem fails with the same code as one to a name that is taken."""
    other = tmp_path / "other"
    other.mkdir()
    (home / "x").touch()
    with full_disk(other, 1 << 20), pytest.raises(SftpFailure):
        sessions.first().link(str(home / "x"), str(other / "x"))
    (home / "y").touch()
    with pytest.raises(FileExistsError):
        sessions.first().link(str(home / "x"), str(home / "y"))
