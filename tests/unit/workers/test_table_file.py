"""The file of a table where the worker has no descriptor of it: a copy of its beginning, cut at a row."""

import os

import pytest

from gateway.tables.judge import NotJudged
from workers import table_file
from workers.table_file import open_here


class Remote:
    """A file of a cluster that is reached over a network."""

    def __init__(self, data: bytes) -> None:
        self.size, self._data = len(data), data

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + min(length, 7)]


class Local(Remote):
    fd = 5


ROWS = b"a;b\n" + b"1;2\n" * 10


@pytest.mark.parametrize(("most", "kept", "whole"), [(100, 44, True), (44, 44, True), (30, 28, False)])
def test_the_beginning_ends_with_a_row(
    monkeypatch: pytest.MonkeyPatch, most: int, kept: int, *, whole: bool
) -> None:
    monkeypatch.setattr(table_file, "COPIED_BYTES", most)
    with open_here(Remote(ROWS), "x.csv") as (fd, is_whole):
        assert (os.pread(fd, 1000, 0), os.lseek(fd, 0, os.SEEK_CUR), is_whole) == (ROWS[:kept], 0, whole)


def test_a_file_of_this_machine_is_itself() -> None:
    with open_here(Local(ROWS), "x.csv") as found:
        assert found == (5, True)


@pytest.mark.parametrize("name", ["x.PARQUET", "x.npy"])
def test_a_part_of_a_binary_file_is_not_judged(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(table_file, "COPIED_BYTES", 30)
    with pytest.raises(NotJudged, match="more than 30 bytes"), open_here(Remote(ROWS), name):
        pass


def test_the_beginning_of_a_packed_file_is_copied_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "COPIED_BYTES", 30)
    packed = b"\x1f\x8b" + ROWS
    with open_here(Remote(packed), "x.csv") as (fd, is_whole):
        assert (os.pread(fd, 1000, 0), is_whole) == (packed[:30], False)
