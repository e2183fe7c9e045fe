"""The time column of a table: its cells byte for byte, in files of lines, and the steps between them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.tables.fixed_times import fixed_nanoseconds
from hpc_kernels.tables.times import is_time, iso_day, nanoseconds_of, order_of_days

_BYTES_AT_ONCE = 1 << 18
_TOLERANCE = 1e-3
_MOST = 1 << 63
_PER_SECOND = 10**9  # nanoseconds, so that no step is lost beside the seconds since 1970
Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Steps:
    """The median step between times, and the largest deviation from it as a part of it."""

    seconds: float
    deviation: float
    least: float

    @property
    def are_equal(self) -> bool:
        """Whether the times are equidistant within 0.1 %."""
        return self.seconds > 0 and self.deviation <= _TOLERANCE

    @property
    def deviation_words(self) -> str:
        """The deviation in words."""
        if self.seconds <= 0:
            return "the times do not rise"
        percent = f"{100 * self.deviation:.3g} %"
        return f"a step between times differs by {percent} from the median one, {self.seconds:g} s"


@dataclass(frozen=True)
class TimeColumn:
    """Name, order of day and month ("" if it was not judged), and the files of the cells, a line each."""

    name: str
    order: str
    files: Sequence[Opener]

    def blocks(self, first: int, sizes: Sequence[int]) -> Iterator[bytes]:
        """Yield the next lines from line `first` on, so many as each of `sizes` says."""
        lines = _LineReader(self._pieces())
        lines.take(first)
        for size in sizes:
            yield lines.take(size)

    @cached_property
    def steps(self) -> Steps | None:
        """The steps between the times; None where they are no times, or fewer than two."""
        try:
            times = np.concatenate([self._nanoseconds(text) for text in self._texts()])
        except ValueError:
            return None
        if len(times) < 2:  # noqa: PLR2004 (one step)
            return None
        steps = np.diff(times) / _PER_SECOND
        middle = float(np.median(steps))
        largest = float(np.abs(steps - middle).max())
        return Steps(middle, largest / middle if middle > 0 else np.inf, float(steps.min()))

    def first_odd(self) -> tuple[int, str] | None:
        """Return number and text of the first cell that is no time as those of the first rows are.

        None where there is none, and for a column that was named, which may hold anything.
        """
        if not self.order or self.steps:
            return None
        cells = (_text(line) for lines in self._lines() for line in lines)
        return next(((i, cell) for i, cell in enumerate(cells) if not is_time(cell, self.order)), None)

    def seconds_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the seconds of the times of some rows, in rising order; None where they are no times."""
        picked: list[bytes] = []
        first = 0
        for lines in self._lines():
            here = rows[(rows >= first) & (rows < first + len(lines))] - first
            picked += [lines[i] for i in here.tolist()]
            first += len(lines)
        try:
            if len(picked) != len(rows):
                return None
            return self._nanoseconds(b"".join(line + b"\n" for line in picked)) / _PER_SECOND
        except ValueError:
            return None

    def last_day(self) -> str:
        """Return the last date as YYYY-MM-DD; `ValueError` where it is none."""
        last = b""
        for lines in self._lines():
            last = lines[-1]
        text = _text(last)
        return iso_day(text, self.order or order_of_days([text]) or "")

    def _nanoseconds(self, text: bytes) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the nanoseconds of lines: all at once where their form is the same, else one by one."""
        if not self.order:  # a column that was named may count seconds
            return _numbers(text.split(b"\n")[:-1]) * _PER_SECOND
        found = fixed_nanoseconds(text, self.order)
        if found is not None:
            return found
        times = [nanoseconds_of(_text(line), self.order) for line in text.split(b"\n")[:-1]]
        fits = max(map(abs, times)) < _MOST
        return np.array(times, np.int64) if fits else np.array(times, np.float64)

    def _lines(self) -> Iterator[list[bytes]]:
        for text in self._texts():
            yield text.split(b"\n")[:-1]

    def _texts(self) -> Iterator[bytes]:
        """Yield whole lines, a piece at a time."""
        rest = b""
        for piece in self._pieces():
            text, end, rest = (rest + piece).rpartition(b"\n")
            if end:
                yield text + end

    def _pieces(self) -> Iterator[bytes]:
        for opener in self.files:
            with opener() as file:
                while piece := file.read(_BYTES_AT_ONCE):
                    yield piece


class _LineReader:
    """Reader of numbers of lines from pieces of a text."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def take(self, count: int) -> bytes:
        """Return the next `count` lines, or those that are left."""
        found: list[bytes] = []
        while count:
            ends = np.flatnonzero(np.frombuffer(self._rest, np.uint8) == ord("\n"))[:count]
            end = int(ends[-1]) + 1 if len(ends) else 0
            found.append(self._rest[:end])
            self._rest, count = self._rest[end:], count - len(ends)
            if count:
                if not (piece := next(self._pieces, b"")):
                    break
                self._rest += piece
        return b"".join(found)


def _numbers(lines: list[bytes]) -> NDArray[np.float64]:
    """Return numbers; `ValueError` for a text that is no finite one."""
    try:
        numbers = np.fromiter(map(float, lines), np.float64, len(lines))
    except ValueError:
        numbers = np.array([float(_text(line).replace(",", ".")) for line in lines])
    if not np.isfinite(numbers).all():
        raise ValueError("the times are no finite numbers")
    return numbers


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip().strip('"').strip()
