"""Reservation of space for a file: the number of calls, and the steps between which bytes are written."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pytest

from gateway.filesystems.shared_files import SharedPartialFile

MIB = 1 << 20
TIB = 1 << 40
CALLS_FOR_A_TIB = 16


class Disk:
    """A filesystem that takes some time for so many bytes, by a clock of its own."""

    def __init__(self, cost_s: Callable[[int], float], cannot_after: int = 1 << 62) -> None:
        self.now_s, self.calls = 0.0, list[tuple[int, int]]()
        self._cost_s, self._cannot_after = cost_s, cannot_after

    def allocate(self, start: int, length: int) -> bool:
        self.calls.append((start, length))
        self.now_s += self._cost_s(length)
        return len(self.calls) <= self._cannot_after

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def incoming(tmp_path: Path) -> Iterator[SharedPartialFile]:
    fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    yield SharedPartialFile(PurePosixPath(tmp_path / "x"), fd, -1, "")
    os.close(fd)


def _yields(disk: Disk, incoming: SharedPartialFile, size: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(incoming, "_allocate", disk.allocate)
    monkeypatch.setattr(time, "monotonic", disk.monotonic)
    seen = list(incoming.reserve(size))
    monkeypatch.undo()
    # Without a hole, and nothing twice.
    ends = [start + length for start, length in disk.calls]
    assert [start for start, _ in disk.calls] == [0, *ends[:-1]][: len(ends)]
    return seen


@pytest.mark.parametrize("latency_s", [0.0, 0.005, 0.5])
def test_space_that_costs_no_more_for_more_is_taken_at_once(
    latency_s: float, incoming: SharedPartialFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(lambda _: latency_s)
    assert _yields(disk, incoming, TIB + 5, monkeypatch) == []
    assert len(disk.calls) <= CALLS_FOR_A_TIB
    assert sum(disk.calls[-1]) == TIB + 5


def test_space_that_is_as_slow_as_writing_is_taken_step_by_step(
    incoming: SharedPartialFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(lambda length: length / (4 << 30))
    seen = _yields(disk, incoming, 1 << 30, monkeypatch)
    assert seen[0] <= 96 * MIB
    assert {later - earlier for earlier, later in pairwise(seen[:-1])} == {64 * MIB}
    assert sum(disk.calls[-1]) == 1 << 30


@pytest.mark.parametrize("after", [0, 3])
def test_a_filesystem_that_cannot_gives_a_file_of_that_size(
    after: int, incoming: SharedPartialFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(lambda length: length / (4 << 30), cannot_after=after)
    _yields(disk, incoming, 1 << 30, monkeypatch)
    assert (incoming.size, len(disk.calls)) == (1 << 30, after + 1)


def test_nothing_needs_no_space(incoming: SharedPartialFile, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(lambda _: 1.0)
    assert (_yields(disk, incoming, 0, monkeypatch), disk.calls, incoming.size) == ([], [], 0)
