"""Reading asset pairs: a date and a closing price per asset, side by side, series of any lengths."""

import csv
import gzip
import io
import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.csv_strict import found
from hpc_kernels.errors import BadInputError, whole

HEADER_ROWS = 3
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Pairs:
    """Price series as rows, filled up with nan at the end, and the last date of each."""

    names: list[str]
    prices: Array
    last_dates: list[str]


def read(path: Path) -> Pairs:
    """Read the asset pairs at `path`.

    Raises
    ------
    BadInputError
        With file, row, column and what was expected; rows count from 1, the header included.
    """
    rows = _rows(path)
    names = _names(path.name, rows[0])
    for number, row in enumerate(rows[1:], 2):
        _check_width(path.name, number, row, len(rows[0]))
    series = [_series(path.name, rows, asset) for asset in range(len(names))]
    prices = np.full((len(names), max(len(values) for values, _ in series)), math.nan)
    for filled, (values, _) in zip(prices, series, strict=True):
        filled[: len(values)] = values
    return Pairs(names, prices, [last for _, last in series])


def _rows(path: Path) -> list[list[str]]:
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        with whole(path.name, "gzip"):
            content = gzip.decompress(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path.name}: expected UTF-8 text: {error.reason}") from error
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise BadInputError(f"{path.name}: not a CSV table: {error}") from error
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if len(rows) <= HEADER_ROWS:
        found = f"found {len(rows)} rows"
        raise BadInputError(f"{path.name}: expected {HEADER_ROWS} header rows and a price, {found}")
    return rows


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


def _series(file: str, rows: list[list[str]], asset: int) -> tuple[list[float], str]:
    """Return an asset's prices and last date; only blanks may follow the first blank pair."""
    values: list[float] = []
    last, ended = "", False
    for number, row in enumerate(rows[HEADER_ROWS:], HEADER_ROWS + 1):
        day, price = (row[2 * asset].strip(), row[2 * asset + 1].strip())
        if not day and not price:
            ended = True
            continue
        if ended:
            raise BadInputError(
                f"{file}: row {number}, column {2 * asset + 1}: found {day or price!r} after a blank pair"
            )
        last = _date(f"{file}: row {number}, column {2 * asset + 1}", day, last)
        values.append(_price(f"{file}: row {number}, column {2 * asset + 2}", price))
    if not values:
        raise BadInputError(
            f"{file}: row {HEADER_ROWS + 1}, column {2 * asset + 1}: expected a date, found a blank cell"
        )
    return values, last


def _check_width(file: str, number: int, row: list[str], width: int) -> None:
    if len(row) != width and not (len(row) == width + 1 and not row[-1].strip()):
        where = f"{file}: row {number}, column {min(len(row), width) + 1}"
        comma = "; is it a decimal comma? use a decimal point" if 2 * len(row) == 3 * width else ""
        raise BadInputError(f"{where}: expected {width} cells, found {len(row)}{comma}")


def _date(where: str, text: str, last: str) -> str:
    try:
        known = bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        known = False
    if not known:
        raise BadInputError(f"{where}: expected a date as YYYY-MM-DD, found {text[:40]!r}")
    if text < last:
        raise BadInputError(f"{where}: expected dates oldest first, found {text} after {last}")
    return text


def _price(where: str, text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise BadInputError(f"{where}: expected a finite price, found {found(text.encode())}")
    return number
