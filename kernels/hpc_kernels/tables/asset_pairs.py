"""Reader of asset pairs: a CSV table with a date and a closing price per asset, series of any lengths."""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import le

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, unreadable_as_bad_input
from hpc_kernels.tables.csv.bounded_lines import open_lines
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.csv.strict import COMMA_HINT, show_cell
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import allocate_signals

HEADER_ROWS = 3
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_PLAIN = re.compile(r"[-+.0-9eE,]*")  # on these letters `float` accepts the same texts as `_NUMBER`
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class AssetPairs:
    """Names of all assets; prices (assets, days), which may end in nan, and last dates of a share."""

    names: list[str]
    prices: Array
    last_dates: list[str]


def read_asset_pairs(text: TableText, share: Callable[[int], range]) -> AssetPairs:
    """Read asset pairs row by row.

    Parameters
    ----------
    text : TableText
    share : callable
        From the number of assets to the range of those to return.

    Raises
    ------
    BadInputError
        With file, row, column and the expected value; rows count from 1, the header included.
    """
    with text.open() as source, unreadable_as_bad_input(source.file, "CSV"):
        return _read(source, share)


def _read(source: TextSource, share: Callable[[int], range]) -> AssetPairs:
    file, rows = source.file, _filled(_rows(source))
    number, header = next(rows, (0, ["no name", ""]))
    names = _names(file, header)
    mine, series = share(len(names)), _Series(file, len(names))
    most = min(source.count_lines(), (source.size + 1) // len(header))  # a cell takes a byte
    prices = allocate_signals(file, len(mine), max(0, most - HEADER_ROWS))
    for number, row in rows:
        _check_width(file, number, row, len(header))
        if number > HEADER_ROWS:
            prices[:, number - HEADER_ROWS - 1] = series.prices(number, row)[mine.start : mine.stop]
    if number <= HEADER_ROWS:
        expected = f"expected {HEADER_ROWS} header rows and a price"
        raise BadInputError(f"{file}: {expected}, found {number} rows")
    days = np.ascontiguousarray(prices[:, : number - HEADER_ROWS])  # without blank rows at the end
    return AssetPairs(names, days, series.last_dates[mine.start : mine.stop])


def _rows(source: TextSource) -> Iterator[list[str]]:
    lines = open_lines(source, b",")
    for row in csv.reader(lines, strict=True):
        yield row
        lines.begin_row()


def _filled(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with their numbers, without blank rows at the end."""
    blank: list[tuple[int, list[str]]] = []
    for number, row in enumerate(rows, 1):
        if any(map(str.strip, row)):
            yield from blank
            yield number, row
            blank = []
        elif not blank:  # the first of several is enough to be refused later
            blank = [(number, row)]


class _Series:
    """State of the series of all assets: the last date of each, and the set of ended ones."""

    def __init__(self, file: str, assets: int) -> None:
        self.last_dates = [""] * assets
        self._ended: set[int] = set()
        self._file = file

    def prices(self, number: int, row: list[str]) -> list[float]:
        """Return the prices of the next row, nan for a series that has ended."""
        end = 2 * len(self.last_dates)
        days, texts = row[:end:2], row[1:end:2]
        if values := self._plain(days, texts):
            self.last_dates = days
            return values
        pairs = enumerate(zip(days, texts, strict=True))
        return [self._price(number, asset, day.strip(), text.strip()) for asset, (day, text) in pairs]

    def _plain(self, days: list[str], texts: list[str]) -> list[float] | None:
        """Return the prices of a plain row, for all assets at once; None for a row that is not plain."""
        if not (all(map(le, self.last_dates, days)) and all(map(_is_date, set(days)))):
            return None
        if self._ended or not _PLAIN.fullmatch(",".join(texts)):
            return None
        try:
            values = list(map(float, texts))
        except ValueError:
            return None
        return values if all(map(math.isfinite, values)) else None

    def _price(self, number: int, asset: int, day: str, price: str) -> float:
        """Return one price, checked in every respect; only blanks may follow the first blank pair."""
        row, last = f"{self._file}: row {number}", self.last_dates[asset]
        if not day and not price and last:
            self._ended.add(asset)
            return math.nan
        where = f"{row}, column {2 * asset + 1}"
        if asset in self._ended:
            raise BadInputError(f"{where}: found {day or price!r} after a blank pair")
        if not _is_date(day):
            shown = show_cell(day.encode())
            raise BadInputError(f"{where}: expected a date as YYYY-MM-DD, found {shown}")
        if day < last:
            raise BadInputError(f"{where}: expected dates oldest first, found {day} after {last}")
        value = float(price) if _NUMBER.fullmatch(price) else math.nan
        if not math.isfinite(value):
            shown = show_cell(price.encode())
            raise BadInputError(f"{row}, column {2 * asset + 2}: expected a finite price, found {shown}")
        self.last_dates[asset] = day
        return value


def _names(file: str, header: list[str]) -> list[str]:
    if len(header) % 2 and not header[-1].strip():
        header = header[:-1]
    if len(header) % 2:
        raise BadInputError(f"{file}: row 1: expected columns in pairs (date, price), found {len(header)}")
    names = header[::2]
    for i, name in enumerate(names):
        if not name.strip():
            raise BadInputError(
                f"{file}: row 1, column {2 * i + 1}: expected the name of an asset, found a blank cell"
            )
    return names


def _check_width(file: str, number: int, row: list[str], width: int) -> None:
    if len(row) != width and not (len(row) == width + 1 and not row[-1].strip()):
        where = f"{file}: row {number}, column {min(len(row), width) + 1}"
        comma = COMMA_HINT if 2 * len(row) == 3 * width else ""
        raise BadInputError(f"{where}: expected {width} cells, found {len(row)}{comma}")


@lru_cache(4096)
def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False
