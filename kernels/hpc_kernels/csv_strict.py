"""Reading a CSV row cell by cell: slow, and able to say which cell is wrong and what it should be."""

import math
import re

from hpc_kernels.errors import BadInputError

_NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(rb"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?")


def read_row(file: str, row: int, line: bytes, separator: bytes, names: list[str]) -> list[float]:
    """Return the numbers of one row, or raise at its first cell that is no finite number."""
    line = line.removesuffix(b"\r")
    cells = line.split(separator)
    if len(cells) == len(names) + 1 and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(names) and any(cell.strip() for cell in cells):
        hint = _comma_hint(line, separator)
        raise BadInputError(f"{file}: row {row}: expected {len(names)} cells, found {len(cells)}{hint}")
    if len(cells) != len(names):
        raise BadInputError(f"{file}: row {row}, column 1: expected {len(names)} cells, found a blank line")
    return [_cell(file, row, i, cell, names[i]) for i, cell in enumerate(cells)]


def _cell(file: str, row: int, column: int, cell: bytes, name: str) -> float:
    text = cell.strip(b" \t")
    if len(text) > 1 and text[:1] == text[-1:] == b'"':
        text = text[1:-1].strip(b" \t")
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if math.isfinite(number):
        return number
    where = f"{file}: row {row}, column {column + 1} ({name!r})"
    raise BadInputError(f"{where}: expected a finite number, found {_found(text)}")


def _found(text: bytes) -> str:
    if not text:
        return "a blank cell"
    shown = text[:40].decode("utf-8", "backslashreplace")
    comma = "; use a decimal point, not a decimal comma" if _DECIMAL_COMMA.fullmatch(text) else ""
    return f"{shown!r}{comma}"


def _comma_hint(line: bytes, separator: bytes) -> str:
    numeric = _DECIMAL_COMMA.fullmatch(line.split(b";")[0].strip())
    return "; is it a decimal comma? use a decimal point" if separator == b"," and numeric else ""
