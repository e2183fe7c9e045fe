"""PartQueue and Intervals: the parts that a plain list would hold, in memory that no claimed size grows."""

import itertools
import random
import tracemalloc

import pytest

from gateway.transfers.staging.intervals import Intervals
from gateway.transfers.staging.part_queue import Part, PartQueue

LARGEST = (1 << 63) - 1


def _drain(queue: PartQueue) -> list[Part]:
    parts = []
    while part := queue.take(1, 1):
        part.done = (part.stop or 0) - part.start
        queue.finish(part)
        parts.append(part)
    return parts


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 99, 100, 101])
@pytest.mark.parametrize("part_bytes", [0, 10])
def test_the_parts_cover_the_file_without_hole_or_overlap(size: int, part_bytes: int) -> None:
    queue = PartQueue(size, part_bytes)
    parts = _drain(queue)
    assert [part.number for part in parts] == list(range(1, queue.count + 1))
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == size
    assert (queue.left, queue.count_done(), queue.whole_until()) == (0, size, size)


def test_a_file_of_unknown_size_is_one_part() -> None:
    queue = PartQueue(None, 10)
    part = queue.take(1, 8)
    assert part is not None
    assert (part.start, part.stop, queue.take(1, 8)) == (0, None, None)
    part.done = 25
    assert (queue.count_done(), queue.whole_until()) == (25, 0)
    queue.finish(part)
    assert (queue.whole_until(), list(queue.finished())) == (25, [(1, 0, 25)])


@pytest.mark.parametrize("size", [10**13, LARGEST, 10**25])
def test_a_claimed_size_takes_no_memory(size: int) -> None:
    tracemalloc.start()
    queue = PartQueue(size, 8 << 20)
    taken = [part for _ in range(64) if (part := queue.take(16, 64))]
    queue.put_back(taken.pop())
    for part in taken[::2]:
        part.done = (part.stop or 0) - part.start
        queue.finish(part)
    assert queue.count_done() == 8 * (8 << 20) * 64
    assert queue.whole_until() == taken[1].start
    assert len(queue.numbers_done()) < 100
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_finished_parts_of_an_earlier_try_are_not_taken_again() -> None:
    queue = PartQueue(95, 10)
    for number in (1, 2, 5, 10, 10, 0, 11, 1 << 70):  # some twice, some that no file of this size has
        queue.finish_earlier(number)
    assert (queue.left, queue.count_done(), queue.whole_until()) == (6, 35, 20)
    assert [number for number, _, _ in queue.finished()] == [1, 2, 5, 10]
    assert [part.number for part in _drain(queue)] == [3, 4, 6, 7, 8, 9]
    assert queue.count_done() == 95


def test_a_part_joins_those_that_follow_and_wait_alone() -> None:
    queue = PartQueue(100, 10)
    queue.finish_earlier(4)
    first = queue.take(16, 2)
    assert first is not None
    assert (first.start, first.stop, first.pieces) == (0, 30, 3)  # the fourth is finished
    second = queue.take(2, 2)
    assert second is not None
    assert (second.start, second.stop) == (40, 60)
    second.done = 5
    queue.put_back(second)
    queue.put_back(first)
    again = queue.take(16, 1)
    assert again is first
    assert again.pieces == 3  # its neighbour is finished, and that one's neighbour has begun
    assert queue.take(16, 1) is second
    assert second.pieces == 5


def test_joined_parts_are_recorded_piece_by_piece() -> None:
    queue = PartQueue(95, 10)
    part = queue.take(10, 1)
    assert part is not None
    recorded = []
    for part.done in (0, 9, 10, 35, 94, 95):
        recorded.append([number for each in queue.numbers_done() for number in each])
    assert recorded == [[], [], [1], [1, 2, 3], list(range(1, 10)), list(range(1, 11))]


@pytest.mark.parametrize("seed", range(20))
def test_intervals_are_the_set_that_a_plain_set_is(seed: int) -> None:
    chance, intervals, plain = random.Random(seed), Intervals(), set[int]()  # noqa: S311  a test
    for _ in range(40):
        start = chance.randrange(200)
        stop = start + chance.randrange(1, 12)
        intervals.add(start, stop)
        plain.update(range(start, stop))
        ranges = list(intervals)
        assert [n for each in ranges for n in each] == sorted(plain)
        assert all(left.stop < right.start for left, right in itertools.pairwise(ranges))
        low = chance.randrange(220)
        assert intervals.skip(low) == next(n for n in range(low, 500) if n not in plain)
        gaps = [n for each in intervals.gaps(low, low + 50) for n in each]
        assert gaps == [n for n in range(low, low + 50) if n not in plain]
