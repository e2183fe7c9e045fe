"""The time column of a table: its cells byte for byte, in files of lines, and the steps between them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.tables.times import iso_day, order_of_days, seconds_of

_BYTES_AT_ONCE = 1 << 18
_TOLERANCE = 1e-3
_NANOSECONDS = 10**9
_TIMES_AT_ONCE = 500  # for more, NumPy frees the interpreter, and an error or a warning ends the process
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

    def steps(self) -> Steps | None:
        """Return the steps between the times; None where they are no times, or fewer than two."""
        try:
            times = np.concatenate([self._seconds(lines) for lines in self._lines()])
        except ValueError:
            return None
        if len(times) < 2:  # noqa: PLR2004 (one step)
            return None
        steps = np.diff(times)
        middle = float(np.median(steps))
        largest = float(np.abs(steps - middle).max())
        return Steps(middle, largest / middle if middle > 0 else np.inf, float(steps.min()))

    def seconds_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the seconds of the times of some rows, in rising order; None where they are no times."""
        picked: list[bytes] = []
        first = 0
        for lines in self._lines():
            here = rows[(rows >= first) & (rows < first + len(lines))] - first
            picked += [lines[i] for i in here.tolist()]
            first += len(lines)
        try:
            return self._seconds(picked) if len(picked) == len(rows) else None
        except ValueError:
            return None

    def last_day(self) -> str:
        """Return the last date as YYYY-MM-DD; `ValueError` where it is none."""
        last = b""
        for lines in self._lines():
            last = lines[-1]
        text = _text(last)
        return iso_day(text, self.order or order_of_days([text]) or "")

    def _seconds(self, lines: list[bytes]) -> NDArray[np.float64]:
        """Return the seconds of some times: ISO 8601 all at once, other texts one by one."""
        try:
            parts = [_iso_times(lines[n : n + _TIMES_AT_ONCE]) for n in range(0, len(lines), _TIMES_AT_ONCE)]
        except ValueError:
            return np.array([self._second(_text(line)) for line in lines])
        return np.concatenate([np.empty(0, np.int64), *parts]) / _NANOSECONDS

    def _second(self, text: str) -> float:
        if not self.order:  # a column that was named may count seconds
            return float(text.replace(",", "."))
        return seconds_of(text, self.order)

    def _lines(self) -> Iterator[list[bytes]]:
        rest = b""
        for piece in self._pieces():
            *lines, rest = (rest + piece).split(b"\n")
            if lines:
                yield lines

    def _pieces(self) -> Iterator[bytes]:
        for opener in self.files:
            with opener() as file:
                while piece := file.read(_BYTES_AT_ONCE):
                    yield piece


def _iso_times(lines: list[bytes]) -> NDArray[np.int64]:
    """Return the nanoseconds of times in ISO 8601; `ValueError` for another text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a zone, which is counted
        return np.array(lines).astype("datetime64[ns]").astype(np.int64)


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


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip().strip('"').strip()
