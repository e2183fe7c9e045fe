"""Intervals: a set of integers as disjoint ranges in order, as compact as its number of holes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Intervals:
    """A set of integers that grows by ranges."""

    def __init__(self) -> None:
        self._starts, self._stops = list[int](), list[int]()

    def __iter__(self) -> Iterator[range]:
        """Return the ranges in order."""
        return iter([range(*pair) for pair in zip(self._starts, self._stops, strict=True)])

    def __bool__(self) -> bool:
        return bool(self._starts)

    def add(self, start: int, stop: int) -> None:
        """Add the integers from `start` up to before `stop`."""
        first, last = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        if first < last:  # it touches or overlaps these
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last], self._stops[first:last] = [start], [stop]

    def skip(self, number: int) -> int:
        """Return the first integer from `number` on that is not in the set."""
        at = bisect_right(self._starts, number) - 1
        return max(number, self._stops[at]) if at >= 0 else number

    def gaps(self, start: int, stop: int) -> Iterator[range]:
        """Yield the ranges between `start` and `stop` that are not in the set."""
        while (start := self.skip(start)) < stop:
            at = bisect_right(self._starts, start)
            end = min(stop, self._starts[at]) if at < len(self._starts) else stop
            yield range(start, end)
            start = end
