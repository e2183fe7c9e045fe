"""The shared filesystem: files appear whole, links stay inside the roots, temporary files are removed."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.filesystems.errors import filesystem_error
from gateway.filesystems.files import FileSlice
from gateway.filesystems.shared import SharedFilesystem


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def site(home: Path) -> SharedFilesystem:
    return SharedFilesystem([PurePosixPath(home)])


def at(home: Path, text: str) -> PurePosixPath:
    return PurePosixPath(home / text)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_appears_whole_with_its_folders(site: SharedFilesystem, home: Path) -> None:
    with site.receive(at(home, "a/b/c.csv")) as incoming:
        incoming.write_at(b"one,", 0)
        assert not (home / "a/b/c.csv").exists()
        incoming.write_at(b"two", 4)
        assert incoming.size == 7
    assert (home / "a/b/c.csv").read_bytes() == b"one,two"
    assert everything(home) == ["a", "a/b", "a/b/c.csv"]


@pytest.mark.parametrize("ending", ["part", "notes"])
def test_a_temporary_file_of_another_try_is_no_destination(
    site: SharedFilesystem, home: Path, ending: str
) -> None:
    """The notes are trusted by the next try, so no request may write them."""
    token = "0123456789abcdef" * 2
    with site.receive(at(home, "x.csv"), token) as incoming:
        incoming.note("1 done\n")
        with pytest.raises(FilesystemError, match="the name of a temporary file"):
            site.write_text(at(home, f".x.csv.{token}.{ending}"), "bad")
        assert incoming.notes() == "1 done\n"
    site.write_text(at(home, f"x.csv.{token}.{ending}"), "good")
    assert everything(home) == ["x.csv", f"x.csv.{token}.{ending}"]


def test_nothing_appears_when_the_block_fails(site: SharedFilesystem, home: Path) -> None:
    (home / "x").write_text("old")

    def fail() -> None:
        with site.receive(at(home, "x")) as incoming:
            incoming.write_at(b"new", 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (home / "x").read_text() == "old"
    assert everything(home) == ["x"]


def test_a_file_is_replaced_in_one_step(site: SharedFilesystem, home: Path) -> None:
    (home / "x").write_text("old")
    with (home / "x").open() as reader:
        site.write_text(at(home, "x"), "new")
        assert reader.read() == "old"
    assert (home / "x").read_text() == "new"


def test_a_link_at_the_destination_is_replaced_not_followed(site: SharedFilesystem, home: Path) -> None:
    outside = home.parent / "outside"
    outside.write_text("untouched")
    (home / "x").symlink_to(outside)
    site.write_text(at(home, "x"), "new")
    assert outside.read_text() == "untouched"
    assert not (home / "x").is_symlink()


def test_long_names_leave_room_for_the_temporary_one(site: SharedFilesystem, home: Path) -> None:
    name = "ä" * 127
    site.write_text(at(home, name), "x")
    assert everything(home) == [name]


@pytest.mark.parametrize("plant", [os.link, lambda _, part: os.mkfifo(part)])
def test_a_planted_temporary_file_is_made_anew(
    site: SharedFilesystem, home: Path, plant: Callable[[Path, Path], None]
) -> None:
    """By a hard link the bytes would go into the file of its other name; a pipe would be waited for."""
    outside = home.parent / "outside"
    outside.write_text("untouched")
    plant(outside, home / ".x.0123456789ab.part")
    with site.receive(at(home, "x"), "0123456789ab") as incoming:
        assert incoming.size == 0
        incoming.write_at(b"new", 0)
    assert (outside.read_text(), (home / "x").read_text()) == ("untouched", "new")
    assert everything(home) == ["x"]


@pytest.mark.parametrize("plant", [os.link, lambda _, notes: os.mkfifo(notes)])
def test_planted_notes_are_neither_read_nor_written(
    site: SharedFilesystem, home: Path, plant: Callable[[Path, Path], None]
) -> None:
    outside = home.parent / "outside"
    outside.write_text("untouched")
    plant(outside, home / ".x.0123456789ab.notes")
    with site.receive(at(home, "x"), "0123456789ab") as incoming:
        for attempt in (incoming.notes, lambda: incoming.note("bad")):
            with pytest.raises(FilesystemError):
                attempt()
        incoming.restart()
        incoming.note("good")
        assert incoming.notes() == "good"
    assert outside.read_text() == "untouched"


@pytest.mark.parametrize("path", ["link/x", "link/deep/x", "x/link/y"])
def test_links_that_leave_the_roots_are_refused(site: SharedFilesystem, home: Path, path: str) -> None:
    outside = home.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "x").write_text("secret")
    (outside / "deep/x").write_text("secret")
    (home / "x").mkdir()
    (home / "link").symlink_to(outside)
    (home / "x/link").symlink_to("../../outside")
    before = everything(outside)
    for attempt in (
        lambda: site.write_text(at(home, path), "bad"),
        lambda: site.read_text(at(home, path), 10),
        lambda: site.make_folder(at(home, f"{path}/new")),
        lambda: site.exists(at(home, path)),
    ):
        with pytest.raises(FilesystemError, match="symbolic link out of"):
            attempt()
    assert everything(outside) == before


def test_a_link_to_a_file_outside_is_not_read(site: SharedFilesystem, home: Path) -> None:
    (home / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(FilesystemError, match="symbolic link out of"):
        site.read_text(at(home, "passwd"), 10)


def test_links_inside_the_roots_are_followed(tmp_path: Path, home: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (home / "work").symlink_to(scratch)
    (tmp_path / "alias").symlink_to(home)  # a root that is a link itself
    site = SharedFilesystem([PurePosixPath(tmp_path / "alias"), PurePosixPath(scratch)])
    site.write_text(PurePosixPath(tmp_path / "alias/work/a/x"), "here")
    assert (scratch / "a/x").read_text() == "here"
    assert site.read_text(PurePosixPath(tmp_path / "alias/work/a/x"), 10) == "here"


def test_a_path_outside_is_refused_whatever_the_text_check_said(site: SharedFilesystem) -> None:
    with pytest.raises(FilesystemError, match="leaves the folders"):
        site.read_text(PurePosixPath("/etc/passwd"), 10)


def test_a_source_tells_size_and_change(site: SharedFilesystem, home: Path) -> None:
    (home / "x").write_bytes(b"0123456789")
    with site.read(at(home, "x")) as source:
        assert (source.size, source.read_at(2, 3)) == (10, b"234")
        source.check_unchanged()
        os.utime(home / "x", ns=(1, 1))
        with pytest.raises(FilesystemError, match="changed while it was read"):
            source.check_unchanged()
        whole = FileSlice(source, 5, 11)
        assert whole.read(5) == b"56789"
        with pytest.raises(FilesystemError, match="changed while it was read"):
            whole.read()


def test_only_regular_files_are_read(site: SharedFilesystem, home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(FilesystemError, match="is not a file"):
            site.read_text(at(home, name), 10)


def test_texts_have_a_limit_at_either_end(site: SharedFilesystem, home: Path) -> None:
    (home / "log").write_bytes(b"first\xff..last")
    assert site.read_text(at(home, "log"), 6) == "first\N{REPLACEMENT CHARACTER}"
    assert site.read_text(at(home, "log"), 4, tail=True) == "last"
    assert site.read_text(at(home, "log"), 99, tail=True).endswith("..last")


def test_exists(site: SharedFilesystem, home: Path) -> None:
    (home / "file").touch()
    assert site.exists(at(home, "file"))
    assert site.exists(at(home, ""))
    assert not site.exists(at(home, "missing"))
    assert not site.exists(at(home, "missing/deeper"))
    assert not site.exists(at(home, "file/deeper"))


def test_folders_may_exist_already(site: SharedFilesystem, home: Path) -> None:
    for _ in range(2):
        site.make_folder(at(home, "a/b"))
    assert everything(home) == ["a", "a/b"]


def test_refusals_are_sentences(site: SharedFilesystem, home: Path) -> None:
    (home / "file").touch()
    (home / "folder").mkdir()
    with pytest.raises(FilesystemError, match="missing does not exist"):
        site.read_text(at(home, "missing"), 10)
    with pytest.raises(FilesystemError, match="a file where a folder is needed"):
        site.write_text(at(home, "file/x"), "")
    with pytest.raises(FilesystemError, match="is a folder on the cluster"):
        site.write_text(at(home, "folder"), "")
    with pytest.raises(FilesystemError, match="is a folder on the cluster"):
        site.write_text(at(home, ""), "")
    with pytest.raises(FilesystemError, match="too long"):
        site.write_text(at(home, "n" * 256), "")
    with pytest.raises(FilesystemError, match="does not exist"):
        SharedFilesystem([PurePosixPath(home / "gone")]).make_folder(at(home, "gone/x"))
    assert everything(home) == ["file", "folder"]


def test_a_full_disk_is_told_and_leaves_nothing(
    site: SharedFilesystem, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(FilesystemError, match="no space is left"):
            site.write_text(at(home, "x"), "data")
    assert everything(home) == []


@pytest.mark.parametrize(
    ("code", "says", "transient"),
    [
        (errno.EACCES, "no permission", False),
        (errno.EROFS, "read-only", False),
        (errno.EDQUOT, "quota", False),
        (errno.ELOOP, "circles", False),
        (errno.ESTALE, "at the moment", True),
        (errno.EIO, "at the moment", True),
        (errno.ENXIO, "refused", False),
    ],
)
def test_every_refusal_has_its_kind(code: int, says: str, transient: bool) -> None:  # noqa: FBT001
    told = filesystem_error(OSError(code, os.strerror(code)), PurePosixPath("/home/x"))
    assert says in told.detail
    assert "/home/x" in told.detail
    assert isinstance(told, FilesystemUnavailable) is transient


def test_new_files_obey_the_accounts_mask(site: SharedFilesystem, home: Path) -> None:
    before = os.umask(0o027)
    try:
        site.write_text(at(home, "x"), "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "x").stat().st_mode) == 0o640


def test_no_descriptor_is_left_open(site: SharedFilesystem, home: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    test_refusals_are_sentences(site, home)
    site.make_folder(at(home, "a/b/c"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
