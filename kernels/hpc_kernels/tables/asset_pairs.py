"""Reader of asset pairs: a CSV table with a date and a closing price per asset, series of any lengths."""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain, islice
from operator import le

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, unreadable_as_bad_input
from hpc_kernels.tables.csv.bounded_lines import open_lines
from hpc_kernels.tables.csv.columns import ColumnNames
from hpc_kernels.tables.csv.hints import DECIMAL_COMMA, MAY_BE_THOUSANDS, cell_hint
from hpc_kernels.tables.csv.missing_words import is_missing
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.csv.strict import COMMA_HINT, show_cell
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.kinds import HEAD_BYTES, refuse_other_kinds
from hpc_kernels.tables.memory import allocate_signals
from hpc_kernels.tables.missing import fill_missing
from hpc_kernels.tables.reading_options import AS_BEFORE, ReadingOptions

HEADER_ROWS = 3  # at most
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_PLAIN = re.compile(r"[-+.0-9eE,]*")  # on these letters `float` accepts the same texts as `_NUMBER`
_PLAIN_PRICE = re.compile(r"[+-]?[0-9]*[.,]?[0-9]+(?:[eE][+-]?[0-9]+)?", re.ASCII)
_LINE_BYTES = 1 << 14
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_OF_ANY_FORM = re.compile(r"[0-9]{1,6}([-/.])[0-9]{0,4}\1[0-9]{1,4}(?:[T ].*)?", re.ASCII)


@dataclass(frozen=True)
class AssetPairs:
    """Names of all assets; prices (assets, days), which may end in nan, and last dates of a share.

    `columns` are the price columns of all assets, `first_row` is the number of the row of the first price.
    """

    names: list[str]
    prices: Array
    last_dates: list[str]
    columns: list[int]
    first_row: int
    filled: int = 0


def read_asset_pairs(
    text: TableText, share: Callable[[int], range], options: ReadingOptions = AS_BEFORE
) -> AssetPairs:
    """Read asset pairs row by row.

    Parameters
    ----------
    text : TableText
    share : callable
        From the number of assets to the range of those to return.
    options : ReadingOptions

    Raises
    ------
    BadInputError
        With file, row, column and the expected value; rows count from 1, the header included.
    """
    with text.open() as source:
        try:
            with unreadable_as_bad_input(source.file, "CSV"):
                return _read(source, share, options)
        except BadInputError:
            refuse_other_kinds(source.file, source.read_at(0, HEAD_BYTES))
            raise


def _read(source: TextSource, share: Callable[[int], range], options: ReadingOptions) -> AssetPairs:
    file, separator = source.file, options.separator or _separator(source)
    rows = _filled(_rows(source, separator))
    first = list(islice(rows, HEADER_ROWS))
    headers = next((i for i, (_, row) in enumerate(first) if _is_data(row)), len(first))
    width = len(first[0][1]) if first else 2
    names = _names(file, [row for _, row in first[:headers]], width)
    chosen = _chosen(file, names, options)
    mine, series = share(len(chosen)), _Series(file, len(names), options, separator)
    pick = _picker(chosen, mine, len(names))
    most = min(source.count_lines(), (source.size + 1) // width)  # a cell takes a byte
    prices, day = allocate_signals(file, len(mine), max(0, most - headers)), 0
    for number, row in chain(first[headers:], rows):
        _check_width(file, number, row, width)
        prices[:, day] = pick(series.prices(number, row))
        day += 1
    if not day:
        found = f"expected {HEADER_ROWS} header rows and a price, found {first[-1][0] if first else 0} rows"
        raise BadInputError(f"{file}: {found}; params.table.time_column names a single column of dates")
    days = np.ascontiguousarray(prices[:, :day])  # without blank rows at the end
    own, asked = [chosen[i] for i in mine], [names[i] for i in chosen]
    filled = _fill(file, [names[i] for i in own], days, [series.days[i] for i in own], options.missing)
    dates = [series.last_dates[i] for i in own]
    return AssetPairs(asked, days, dates, [2 * i + 1 for i in chosen], first[0][0] + headers, filled)


def _picker(chosen: list[int], mine: range, assets: int) -> Callable[[list[float]], list[float]]:
    """Return a function that takes the prices of this rank's assets out of a row."""
    if chosen == list(range(assets)):
        return lambda found: found[mine.start : mine.stop]
    return lambda found: [found[chosen[i]] for i in mine]


def _separator(source: TextSource) -> str:
    """Return the separator of the first line: a comma, or a semicolon or tab where there is no comma."""
    line = source.read_at(0, _LINE_BYTES).partition(b"\n")[0]
    return next((mark for mark in (",", ";", "\t") if mark.encode() in line), ",")


def _chosen(file: str, names: list[str], options: ReadingOptions) -> list[int]:
    """Return the assets that `columns` and `skip` leave, in order."""
    known = ColumnNames(file, names)
    if options.columns is not None:
        return [known.find(name, "params.table.columns") for name in options.columns]
    skipped = {known.find(name, "params.table.skip") for name in options.skip}
    return [i for i in range(len(names)) if i not in skipped]


def _fill(file: str, names: list[str], prices: Array, days: list[int], how: str) -> int:
    """Fill the missing prices of each series in place, or drop them; return their number."""
    if how == "error":
        return 0
    filled = 0
    for name, series, length in zip(names, prices, days, strict=True):
        if how == "drop":
            kept = series[:length][~np.isnan(series[:length])]
            series[: len(kept)], series[len(kept) :] = kept, np.nan
            filled += length - len(kept)
        else:
            filled += fill_missing(file, [name], series[np.newaxis, :length], how)
    return filled


def _is_data(row: list[str]) -> bool:
    """Return whether a row has a date, maybe a wrong one, and a number or a missing one beside it."""
    pairs = zip(row[::2], row[1::2], strict=False)
    return any(_is_dated(day.strip()) and _may_be_price(price.strip()) for day, price in pairs)


def _may_be_price(text: str) -> bool:
    return bool(_PLAIN_PRICE.fullmatch(text)) or is_missing(text.encode("utf-8", "surrogateescape"))


def _is_dated(day: str) -> bool:
    return _is_date(day) or bool(_DATE_OF_ANY_FORM.fullmatch(day))


def _rows(source: TextSource, separator: str) -> Iterator[list[str]]:
    lines = open_lines(source, separator.encode())
    for row in csv.reader(lines, delimiter=separator, strict=True):
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
    """State of the series of all assets: the last date of each, its days, and the set of ended ones."""

    def __init__(self, file: str, assets: int, options: ReadingOptions, separator: str) -> None:
        self.last_dates = [""] * assets
        self.days = [0] * assets
        self._options, self._separator = options, separator
        self._ended: set[int] = set()
        self._file = file

    def prices(self, number: int, row: list[str]) -> list[float]:
        """Return the prices of the next row, nan for a series that has ended."""
        end = 2 * len(self.last_dates)
        days, texts = row[:end:2], row[1:end:2]
        if values := self._plain(days, texts):
            self.last_dates = days
            self.days = [day + 1 for day in self.days]
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
        self.last_dates[asset] = day
        self.days[asset] += 1
        return self._number(f"{row}, column {2 * asset + 2}", price)

    def _number(self, where: str, price: str) -> float:
        """Return the number of a price; a decimal comma counts where the separator is none."""
        text = price.encode()
        if self._options.missing != "error" and is_missing(text):
            return math.nan
        if self._options.decimal == "," or (self._separator != "," and _is_decimal_comma(text)):
            price = price.replace(".", "?").replace(",", ".")
        value = float(price) if _NUMBER.fullmatch(price) else math.nan
        if not math.isfinite(value):
            hint = cell_hint(text, self._separator.encode(), b".")
            raise BadInputError(f"{where}: expected a finite price, found {show_cell(text)}{hint}")
        return value


def _is_decimal_comma(text: bytes) -> bool:
    return bool(DECIMAL_COMMA.fullmatch(text)) and not MAY_BE_THOUSANDS.fullmatch(text)


def _names(file: str, headers: list[list[str]], width: int) -> list[str]:
    """Return the names of the assets: 1, 2, ... without a header."""
    if not headers:
        return [str(i + 1) for i in range(width // 2)]
    header = headers[0]
    if len(header) % 2 and not header[-1].strip():
        header = header[:-1]
    if len(header) % 2:
        raise BadInputError(
            f"{file}: row 1: expected columns in pairs (date, price), found {len(header)}; for one column of"
            " dates beside the prices, leave a single row of names above them"
        )
    names = header[::2]
    if len(headers) < HEADER_ROWS and _stand_above_prices(names, header[1::2]):
        names = header[1::2]
    for i, name in enumerate(names):
        if not name.strip():
            raise BadInputError(
                f"{file}: row 1, column {2 * i + 1}: expected the name of an asset, found a blank cell"
            )
    return names


def _stand_above_prices(above_dates: list[str], above_prices: list[str]) -> bool:
    """Return whether the names of assets stand above the prices: those above the dates are all the same."""
    return len(above_dates) > 1 and len(set(above_dates)) == 1 and len(set(above_prices)) == len(above_prices)


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
