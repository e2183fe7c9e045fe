"""Folders of attempts behind SFTP: created once, known again, and the folders of members below them."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gateway.errors import FilesystemError
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.folder import SftpFolder
from tests.staging import at, everything


def test_the_folder_of_an_attempt_is_known_again(files: SftpFilesystem, home: Path) -> None:
    folder = files.attempt_folder(at(home, "jobs/1.1"))
    assert folder.identity() is None
    identity = folder.create(0o700)
    assert identity == folder.identity() is not None
    assert (home / "jobs/1.1").stat().st_mode & 0o777 == 0o700
    assert folder.create(0o700) is None
    mine = files.attempt_folder(folder.path, identity)
    numbers = TypeAdapter(list[int])
    assert mine.read_json(numbers, "out.json") is None
    assert mine.place("out.json", "[1, 2]")
    assert mine.place("out.json", "[3]")
    assert mine.read_json(numbers, "out.json") == [1, 2]
    assert (mine.read_tail("out.json", 3), mine.read_tail("gone", 3)) == (" 2]", "")
    found = mine.read_range("out.json", 1, None, 3)
    assert found is not None
    assert (found.data, found.offset, found.size) == (b"1, ", 1, 6)
    with pytest.raises(FilesystemError, match="has 6 bytes, expected at most 3"):
        mine.read_json(numbers, "out.json", 3)
    (home / "jobs/1.1/pipe").symlink_to("out.json")
    with pytest.raises(FilesystemError, match="is a link, expected a file"):
        mine.read_json(numbers, "pipe")
    assert dict(files.files(at(home, "jobs"))) == {"1.1/out.json": 6, "1.1/pipe": 6}
    other = files.attempt_folder(folder.path, "sftp:00000000000000000000000000000000")
    with pytest.raises(FilesystemError, match="another folder than the one that was made"):
        other.read_json(numbers, "out.json")
    mine.remove()
    mine.remove()
    assert (everything(home), mine.place("x", ""), mine.identity()) == (["jobs"], False, None)


@pytest.fixture
def run(files: SftpFilesystem, home: Path) -> SftpFolder:
    """The folder of a run, as it is opened with the identity on record."""
    path = at(home, "jobs/1.1")
    return files.attempt_folder(path, files.attempt_folder(path).create(0o700))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_folders_of_members_are_known_again(files: SftpFilesystem, home: Path, run: SftpFolder) -> None:
    identities = run.create_below(["0000", "0001"], 0o750)
    assert len({run.identity(), *identities}) == 3
    assert [mode(home / "jobs/1.1" / name) for name in ("0000", "0001")] == [0o750, 0o750]
    assert [files.attempt_folder(run.path / name).identity() for name in ("0000", "0001")] == identities
    assert run.create_below(["0001", "0002"], 0o750)[0] == identities[1]
    run.write_below({"0000/job.json": "[1]", "0001/job.json": "[2]"})
    second = files.attempt_folder(run.path / "0001", identities[1])
    assert second.read_json(TypeAdapter(list[int]), "job.json") == [2]
    assert mode(home / "jobs/1.1/0000/job.json") == 0o600
    with pytest.raises(FilesystemError, match="refused .*1.1: failure"):
        run.write_below({"0000/job.json": "[3]"})
    assert (home / "jobs/1.1/0000/job.json").read_text() == "[1]"


def test_a_folder_of_a_member_that_was_left_without_identity_gets_one(
    files: SftpFilesystem, home: Path, run: SftpFolder
) -> None:
    (home / "jobs/1.1/0000").mkdir()
    (identity,) = run.create_below(["0000"], 0o750)
    mine = files.attempt_folder(run.path / "0000", identity)
    assert (mine.identity(), mine.place("x", "1")) == (identity, True)
    assert run.create_below(["0000"], 0o750) == [identity]


@pytest.mark.parametrize("kind", ["a file", "a link"])
def test_another_thing_in_the_place_of_a_member_is_refused(home: Path, run: SftpFolder, kind: str) -> None:
    place = home / "jobs/1.1/0000"
    if kind == "a file":
        place.touch()
    else:
        (home / "other").mkdir()
        place.symlink_to(home / "other")
    with pytest.raises(FilesystemError, match="exists on the cluster and is not a folder"):
        run.create_below(["0000"], 0o750)


def test_members_are_created_in_the_folder_on_record_alone(
    files: SftpFilesystem, home: Path, run: SftpFolder
) -> None:
    other = files.attempt_folder(run.path, f"sftp:{'0' * 32}")
    with pytest.raises(FilesystemError, match="another folder than the one that was made"):
        other.create_below(["0000"], 0o750)
    with pytest.raises(FilesystemError, match="another folder than the one that was made"):
        other.write_below({"x": ""})
    run.remove()
    (home / "jobs/1.1").symlink_to(home.parent)
    with pytest.raises(FilesystemError):
        files.attempt_folder(run.path).create_below(["0000"], 0o750)
    assert everything(home) == ["jobs", "jobs/1.1"]
    assert not (home.parent / "0000").exists()
