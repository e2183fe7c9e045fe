"""The parts of a file, made when they are taken: a size that a server claims takes no memory.

The queue holds the parts under way, those that were put back, and the numbers of finished ones as intervals.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.transfers.staging.intervals import Intervals


@dataclass(eq=False)
class Part:
    """A piece of the file, from `start` up to before `stop`; None stands for an unknown end."""

    number: int
    start: int
    stop: int | None
    done: int = 0
    under_way: int = 0  # of a part that counts only when all of it is stored
    tries: int = 0  # that failed while too little moved
    mark: int = 0  # the bytes of all parts that had moved when its tries were counted anew
    pieces: int = 1  # more of a part that has taken others over

    @property
    def reached(self) -> int:
        """The bytes that have moved, those of an unfinished request included."""
        return max(self.done, self.under_way)

    def take_over(self, neighbour: "Part") -> None:
        """Grow by the part that begins where this one stops."""
        self.stop, self.pieces = neighbour.stop, self.pieces + neighbour.pieces


class PartQueue:
    """The parts of so many bytes, numbered from 1; a file of unknown size or without ranges is one part."""

    def __init__(self, size: int | None, part_bytes: int) -> None:
        is_split = size is not None and 0 < part_bytes < size
        self._size, self._part_bytes = size, part_bytes
        self.count = -(-(size or 0) // part_bytes) if is_split else 1
        self.left = self._fresh = self.count  # the parts that are not finished, and those never taken
        self._next, self._finished, self._finished_bytes = 1, Intervals(), 0
        self._returned, self._unfinished = deque[Part](), dict[int, Part]()
        self._lock = threading.Lock()

    def finish_earlier(self, number: int) -> None:
        """Count a part as finished by an earlier try, before any part is taken."""
        if number not in range(1, self.count + 1) or self._finished.skip(number) != number:
            return
        start, stop = self._bounds(number)
        self._finish(number, 1, (stop or 0) - start)
        self._fresh -= 1

    def take(self, longest: int, sharers: int) -> Part | None:
        """Return the next part, joined with up to `longest` of the following ones that wait.

        It has no more of them than one sharer's share of those that wait.
        """
        with self._lock:
            most = min(longest, -(-(self._fresh + len(self._returned)) // sharers))
            part = self._returned.popleft() if self._returned else self._make()
            if part is not None:
                while part.pieces < most and (neighbour := self._take_neighbour(part)):
                    part.take_over(neighbour)
                self._unfinished[part.number] = part
            return part

    def put_back(self, part: Part) -> None:
        """Make the part the next one."""
        with self._lock:
            self._returned.appendleft(part)

    def finish(self, part: Part) -> None:
        """Count the part, with those that it has taken over, as finished."""
        with self._lock:
            del self._unfinished[part.number]
            self._finish(part.number, part.pieces, part.done)

    def count_done(self) -> int:
        """Return how many bytes have moved; an unfinished upload of a part counts as well."""
        with self._lock:
            under_way = (part.done or part.under_way for part in self._unfinished.values())
            return self._finished_bytes + sum(under_way)

    def count_reached(self) -> int:
        """Return how many bytes have moved, those of all unfinished requests included."""
        with self._lock:
            return self._finished_bytes + sum(part.reached for part in self._unfinished.values())

    def whole_until(self) -> int:
        """Return the offset of the first hole; a single part may start again until it is finished."""
        with self._lock:
            if self.count == 1:
                return 0 if self.left else self._finished_bytes
            fresh = self._skip_finished()
            next_start = self._bounds(fresh)[0] if fresh <= self.count else self._size or 0
            begun = (part.start + part.done for part in self._unfinished.values())
            return min(next_start, *begun) if self._unfinished else next_start

    def finished(self) -> Iterator[tuple[int, int, int]]:
        """Return number, start and stop of the parts that are finished by now."""
        with self._lock:
            ranges = list(self._finished)
        return (self._place(number) for each in ranges for number in each)

    def numbers_done(self) -> list[range]:
        """Return the numbers of all whole parts; one that has taken over others counts as several."""
        with self._lock:
            return [*self._finished, *(self._whole_pieces(part) for part in self._unfinished.values())]

    def _whole_pieces(self, part: Part) -> range:
        end = part.start + part.done
        whole = end // self._part_bytes + (end == self._size and end % self._part_bytes > 0)
        return range(part.number, whole + 1 if part.done else part.number)

    def _finish(self, number: int, pieces: int, done: int) -> None:
        self._finished.add(number, number + pieces)
        self._finished_bytes += done
        self.left -= pieces

    def _take_neighbour(self, part: Part) -> Part | None:
        """Return the part that begins where this one stops, if no thread has begun it."""
        number = part.number + part.pieces
        for each in self._returned:
            if each.number == number and not each.done:
                self._returned.remove(each)
                return self._unfinished.pop(number)
        return self._make() if number == self._skip_finished() else None

    def _make(self) -> Part | None:
        number = self._skip_finished()
        if number > self.count:
            return None
        self._next, self._fresh = number + 1, self._fresh - 1
        return Part(number, *self._bounds(number))

    def _skip_finished(self) -> int:
        """Return the number of the next part that was never taken, also in an earlier try."""
        return self._finished.skip(self._next)

    def _place(self, number: int) -> tuple[int, int, int]:
        start, stop = self._bounds(number)
        return number, start, self._finished_bytes if stop is None else stop

    def _bounds(self, number: int) -> tuple[int, int | None]:
        if self.count == 1 or self._size is None:
            return 0, self._size
        start = (number - 1) * self._part_bytes
        return start, min(start + self._part_bytes, self._size)
