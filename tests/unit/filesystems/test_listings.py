"""Listings of folders that are very deep or very wide: each ends, with a sentence, in bounded memory."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest

from gateway.errors import FilesystemError
from gateway.filesystems import listing_bounds, shared
from gateway.filesystems.listing_bounds import DEEPEST
from gateway.filesystems.shared import SharedFilesystem


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    top = tmp_path / "home"
    for _ in range(2000):  # in steps: the test's own removal would be a recursion
        inner = top / "a"
        if not inner.is_dir():
            break
        shutil.move(inner, tmp_path / "rest")
        shutil.rmtree(top)
        top = (tmp_path / "rest").rename(tmp_path / "home")


@pytest.fixture
def site(home: Path) -> SharedFilesystem:
    home.mkdir()
    return SharedFilesystem([PurePosixPath(home)])


def test_a_listing_keeps_the_order_of_folders(site: SharedFilesystem, home: Path) -> None:
    for name in ("b/y", "b/c/z", "a", "d"):
        site.write_text(PurePosixPath(home / name), name)
    assert list(site.files(PurePosixPath(home))) == [("a", 1), ("d", 1), ("b/y", 3), ("b/c/z", 5)]


@pytest.mark.parametrize("depth", [DEEPEST + 1, 1200])
def test_folders_that_are_too_deep_end_in_words(site: SharedFilesystem, home: Path, depth: int) -> None:
    site.write_text(PurePosixPath(home, *["a"] * depth, "f"), "x")
    with pytest.raises(FilesystemError, match="more than 200 deep"):
        list(site.files(PurePosixPath(home)))


def test_folders_at_the_bound_are_listed(site: SharedFilesystem, home: Path) -> None:
    site.write_text(PurePosixPath(home, *["a"] * DEEPEST, "f"), "x")
    assert list(site.files(PurePosixPath(home))) == [("a/" * DEEPEST + "f", 1)]


@pytest.mark.parametrize("bound", ["MOST_ENTRIES", "MOST_NAME_BYTES"])
def test_a_folder_of_too_many_entries_ends_in_words(
    site: SharedFilesystem, home: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(listing_bounds, bound, 5)
    for number in range(6):
        (home / str(number)).touch()
    with pytest.raises(FilesystemError, match="use several folders"):
        list(site.files(PurePosixPath(home)))


def test_names_are_judged_some_at_a_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_JUDGED_AT_ONCE", 2)
    home.mkdir()
    for number in range(5):
        (home / str(number)).touch()
    asked, left_out = list[int](), list[str]()

    def judge(places: Sequence[str], *, write: bool) -> dict[str, str]:
        asked.append(len(places))
        return {place: "hidden" for place in places if not write and place.endswith("3")}

    site = SharedFilesystem([PurePosixPath(home)], judge=judge)
    assert [name for name, _ in site.files(PurePosixPath(home), left_out.append)] == ["0", "1", "2", "4"]
    assert (left_out, max(asked)) == (["3"], 2)
