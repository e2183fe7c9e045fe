"""Strict parser of one CSV row, cell by cell, with an error that names the cell and the expected value."""

import math
import re
from collections.abc import Sequence

from hpc_kernels.errors import BadInputError, cell_place

_NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(rb"[+-]?[0-9.]*,[0-9]+([eE][+-]?[0-9]+)?")
COMMA_HINT = "; is it a decimal comma? use a decimal point"
_QUOTED = re.compile(rb'"[^"]*"')


def parse_row_strictly(
    file: str, row: int, line: bytes, separator: bytes, names: Sequence[str]
) -> list[float]:
    """Return the numbers of one row.

    Raises
    ------
    BadInputError
        At the first cell that is not a finite number, or for a wrong number of cells.
    """
    cells = _split(line.removesuffix(b"\r"), separator)
    if len(cells) == len(names) + 1 and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(names):
        raise _wrong_width(file, row, cells, separator, names)
    return [_number(cell_place(file, row, i, names[i]), text) for i, text in enumerate(cells)]


def _split(line: bytes, separator: bytes) -> list[bytes]:
    """Split at separators; a comma in quotes is part of the cell, probably a decimal comma."""
    if separator != b",":
        return line.split(separator)
    hidden = _QUOTED.sub(lambda quoted: quoted[0].replace(b",", b"\n"), line)
    return [text.replace(b"\n", b",") for text in hidden.split(b",")]


def _wrong_width(
    file: str, row: int, cells: list[bytes], separator: bytes, names: Sequence[str]
) -> BadInputError:
    """Return the error of a row with too few or too many cells, at the first missing or extra one."""
    expected, count = f"expected {len(names)} cells", len(cells)
    if not any(text.strip() for text in cells):
        return BadInputError(f"{file}: row {row}, column 1: {expected}, found a blank line")
    where = f"{file}: row {row}, column {len(names) + 1}"
    if count < len(names):
        where = cell_place(file, row, count, names[count])
    return BadInputError(f"{where}: {expected}, found {count}{_comma_hint(cells, separator, len(names))}")


def _comma_hint(cells: list[bytes], separator: bytes, expected: int) -> str:
    """Return a hint if commas separate cells and decimal commas seem to divide them."""
    if separator != b",":
        return ""
    doubled = len(cells) == 2 * expected
    other = _DECIMAL_COMMA.fullmatch(b",".join(cells).split(b";", 1)[0].strip())
    return COMMA_HINT if doubled or other else ""


def _number(where: str, text: bytes) -> float:
    text = text.strip(b" \t")
    if len(text) > 1 and text[:1] == text[-1:] == b'"':
        text = text[1:-1].strip(b" \t")
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if math.isfinite(number):
        return number
    raise BadInputError(f"{where}: expected a finite number, found {show_cell(text)}")


def show_cell(text: bytes) -> str:
    """Return the text of a cell for a message."""
    if not text:
        return "a blank cell"
    shown = text[:40].decode("utf-8", "backslashreplace")
    comma = "; use a decimal point, not a decimal comma" if _DECIMAL_COMMA.fullmatch(text) else ""
    return f"{shown!r}{comma}"
