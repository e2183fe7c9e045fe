"""Strict parser of one CSV row, cell by cell, with an error that names the cell and the expected value."""

import math
import re
from collections.abc import Sequence

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.bounds import LONGEST_CELL
from hpc_kernels.tables.csv.hints import cell_hint, word_hint

_NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(rb"[+-]?[0-9.]*,[0-9]+([eE][+-]?[0-9]+)?")
COMMA_HINT = "; is it a decimal comma? use a decimal point"
_QUOTED = re.compile(rb'"[^"]*"')


def parse_row_strictly(file: str, row: int, line: bytes, separator: bytes, names: Sequence[str]) -> Array:
    """Return the numbers of one row.

    Raises
    ------
    BadInputError
        At the first cell that is not a finite number, or for a wrong number of cells.
    """
    line = line.removesuffix(b"\r")
    cells = _split(line, separator, len(names) + 1)
    if len(cells) == len(names) + 1 and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(names):
        raise wrong_width(file, row, line, separator, names)
    del line  # of up to 32 MiB, beside its cells
    numbers = (
        parse_cell(cell_place(file, row, i, names[i]), text, separator) for i, text in enumerate(cells)
    )
    return np.fromiter(numbers, np.float64, len(cells))


def _split(line: bytes, separator: bytes, most: int) -> list[bytes]:
    """Split at the first `most` separators."""
    if separator != b",":
        return line.split(separator, most)
    return [text.replace(b"\n", b",") for text in _hide_quoted(line).split(b",", most)]


def _hide_quoted(line: bytes) -> bytes:
    """Replace commas in quotes, which are part of the cell, probably decimal commas, by line breaks."""
    return _QUOTED.sub(lambda quoted: quoted[0].replace(b",", b"\n"), line) if b'"' in line else line


def wrong_width(file: str, row: int, line: bytes, separator: bytes, names: Sequence[str]) -> BadInputError:
    """Return the error of a row with too few or too many cells, at the first missing or extra one."""
    count = 1 + (_hide_quoted(line) if separator == b"," else line).count(separator)
    expected = f"expected {len(names)} cells"
    if not line.strip(separator + b" \t\r\n\f\v"):
        return BadInputError(f"{file}: row {row}, column 1: {expected}, found a blank line")
    where = f"{file}: row {row}, column {len(names) + 1}"
    if count < len(names):
        where = cell_place(file, row, count, names[count])
    hint = width_hint(line, names) or _comma_hint(line, separator, doubled=count == 2 * len(names))
    return BadInputError(f"{where}: {expected}, found {count}{hint}")


def width_hint(line: bytes, names: Sequence[str]) -> str:
    """Return the end of the message about a row that is a comment, or a row below a title."""
    if line.lstrip().startswith((b"#", b"%", b"//")):
        return "; comments may stand above the header alone"
    return "; if row 1 is a title or a comment, leave it out" if len(names) == 1 else ""


def _comma_hint(line: bytes, separator: bytes, *, doubled: bool) -> str:
    """Return a hint if commas separate cells and decimal commas seem to divide them."""
    if separator != b",":
        return ""
    other = _DECIMAL_COMMA.fullmatch(line.split(b";", 1)[0].strip())
    return COMMA_HINT if doubled or other else ""


def parse_cell(where: str, text: bytes, separator: bytes = b"", decimal: bytes = b".") -> float:
    """Return the number of a cell, or raise `BadInputError` with its place and a hint."""
    if len(text) > LONGEST_CELL:
        expected = f"expected a number of at most {LONGEST_CELL:,} bytes"
        raise BadInputError(f"{where}: {expected}, found {len(text):,}")
    text = text.strip(b" \t")
    if len(text) > 1 and text[:1] == text[-1:] == b'"':
        text = text[1:-1].strip(b" \t")
    pointed = text if decimal == b"." else text.replace(b".", b"?").replace(decimal, b".")
    number = float(pointed) if _NUMBER.fullmatch(pointed) else math.nan
    if math.isfinite(number):
        return number
    hint = cell_hint(text, separator, decimal) or word_hint(text)
    raise BadInputError(f"{where}: expected a finite number, found {show_cell(text)}{hint}")


def show_cell(text: bytes) -> str:
    """Return the text of a cell for a message."""
    return repr(text[:40].decode("utf-8", "backslashreplace")) if text else "a blank cell"
