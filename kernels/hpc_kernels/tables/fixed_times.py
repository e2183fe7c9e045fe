"""Nanoseconds of many times of one form: the digits of each stand where those of the first one stand."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import ByteArray
from hpc_kernels.tables.times import DAY_FIRST, digit_spans, nanoseconds_of

_LONGEST = 64  # bytes of a line
_YEARS, _YEAR = range(1700, 2200), 1970  # the nanoseconds of these fit into 64 bits
_MONTHS, _HOURS, _SIXTY, _PER_SECOND = 12, 24, 60, 10**9
_Numbers = Mapping[str, NDArray[np.int64]]


def fixed_nanoseconds(lines: bytes, order: str) -> NDArray[np.int64] | None:
    """Return the nanoseconds since 1970 of the times in `lines`; None where their forms differ."""
    width = lines.find(b"\n") + 1
    spans = digit_spans(lines[: width - 1].decode("latin-1")) if width < _LONGEST else None
    if spans is None or len(lines) % width:
        return None
    letters = np.frombuffer(lines, np.uint8).reshape(-1, width)
    changing = np.zeros(width, bool)
    for span in spans.values():
        changing[span] = True
    digits = letters[:, changing] - np.uint8(ord("0"))
    if (digits > 9).any() or (letters[:, ~changing] != letters[0, ~changing]).any():  # noqa: PLR2004
        return None
    times = _instants({name: _number(letters[:, span]) for name, span in spans.items()}, spans, order)
    if times is None:
        return None
    first = nanoseconds_of(lines[: width - 1].decode("latin-1"), order)
    return times + (first - int(times[0]))  # by the zone, which is the same for all


def _number(letters: ByteArray) -> NDArray[np.int64]:
    """Return the numbers that rows of digits write."""
    number = np.zeros(len(letters), np.int64)
    for column in letters.T:
        number = number * 10 + column - ord("0")
    return number


def _instants(parts: _Numbers, spans: Mapping[str, slice], order: str) -> NDArray[np.int64] | None:
    """Return the nanoseconds without a zone; None where a part is out of its range."""
    zero = np.zeros(1, np.int64)
    hour, minute, second, part = (parts.get(name, zero) for name in ("hour", "minute", "second", "part"))
    days = _days(parts, order) if "year" in parts else zero
    if days is None or (hour >= _HOURS).any() or (minute >= _SIXTY).any() or (second >= _SIXTY).any():
        return None
    seconds = ((days * _HOURS + hour) * _SIXTY + minute) * _SIXTY + second
    digits = spans["part"].stop - spans["part"].start if "part" in spans else 0
    scale: int = _PER_SECOND // 10**digits
    return seconds * _PER_SECOND + part * scale


def _days(parts: _Numbers, order: str) -> NDArray[np.int64] | None:
    """Return the days since 1970; None where one does not exist."""
    one, year = np.ones(1, np.int64), parts["year"]
    swapped = ("then", "first") if order == DAY_FIRST else ("first", "then")
    names = swapped if "first" in parts else ("month", "day")
    month, day = (parts.get(name, one) for name in names)
    if (year < _YEARS.start).any() or (year >= _YEARS.stop).any():
        return None
    if (month < 1).any() or (month > _MONTHS).any() or (day < 1).any():
        return None
    months = (year - _YEAR) * _MONTHS + month - 1
    first, end = (_first_day(months + more) for more in (0, 1))
    return None if (day > end - first).any() else first + day - 1


def _first_day(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the days since 1970 of the first days of months, which are counted from there as well."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
