"""Publication: an existing file is replaced, refused, or counts as published when its bytes are the same."""

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from gateway.errors import FilesystemError
from gateway.filesystems import publication
from gateway.filesystems.publication import Existing
from gateway.filesystems.shared import SharedFilesystem

REFUSED = "exists on the cluster, and `overwrite` is false"
Plant = Callable[[Path], object]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture(params=["renameat2", "links"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, of a filesystem with and without a rename that replaces nothing."""
    if request.param == "links":
        monkeypatch.setattr(publication, "_NO_RENAME", frozenset({errno.ENOSYS}))
        monkeypatch.setattr(publication, "_libc", _OldLibc())
    return tmp_path


class _OldLibc:
    def renameat2(self, *_: object) -> int:
        """Fail as a kernel without this call does."""
        ctypes.set_errno(errno.ENOSYS)
        return -1


def receive(home: Path, data: bytes, existing: Existing, plant: Plant = lambda _: None) -> None:
    """Write a file at `x`; `plant` is called when its bytes are there."""
    site = SharedFilesystem([PurePosixPath(home)])
    with site.receive(PurePosixPath(home / "x"), "0123456789ab", existing) as incoming:
        incoming.write_at(data, 0)
        plant(home / "x")


@pytest.mark.parametrize("existing", Existing, ids=str)
def test_a_new_file_appears_under_each_rule(home: Path, existing: Existing) -> None:
    receive(home, b"new", existing)
    assert (home / "x").read_bytes() == b"new"
    assert names(home) == ["x"]


def test_an_existing_file_is_refused_before_a_byte_is_written(home: Path) -> None:
    (home / "x").write_bytes(b"old")
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(home, b"new", Existing.REFUSE, lambda _: pytest.fail("the block has begun"))
    assert (home / "x").read_bytes() == b"old"
    assert names(home) == ["x"]


PLANTED: dict[str, Plant] = {
    "a file": lambda x: x.write_bytes(b"old"),
    "an equal file": lambda x: x.write_bytes(b"new"),
    "a folder": lambda x: x.mkdir(),
    "a dangling link": lambda x: x.symlink_to("nowhere"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_a_file_that_appears_meanwhile_is_refused(home: Path, plant: Plant) -> None:
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(home, b"new", Existing.REFUSE, plant)
    assert names(home) == ["x"]


@pytest.mark.parametrize("plant", [plant for name, plant in PLANTED.items() if name != "an equal file"])
def test_a_later_claim_refuses_other_bytes(home: Path, plant: Plant) -> None:
    with pytest.raises(FilesystemError, match=REFUSED):
        receive(home, b"new", Existing.KEEP_EQUAL, plant)
    assert names(home) == ["x"]


def test_a_later_claim_keeps_a_file_with_the_same_bytes(home: Path) -> None:
    (home / "x").write_bytes(b"n" * (3 << 20))
    before = (home / "x").stat()
    receive(home, b"n" * (3 << 20), Existing.KEEP_EQUAL)
    assert (home / "x").stat().st_ino == before.st_ino
    assert names(home) == ["x"]


def test_another_error_of_the_rename_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(_OldLibc):
        def renameat2(self, *_: object) -> int:
            ctypes.set_errno(errno.ENOSPC)
            return -1

    monkeypatch.setattr(publication, "_libc", Full())
    with pytest.raises(FilesystemError, match="no space is left"):
        receive(tmp_path, b"new", Existing.REFUSE)
