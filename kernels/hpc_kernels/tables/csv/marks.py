"""Marks of a table, found from its head: the separator of its cells and the decimal mark of its numbers."""

from collections.abc import Iterable

from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.csv.cell_kinds import is_known, is_number
from hpc_kernels.tables.csv.form import BLANKS
from hpc_kernels.tables.csv.head import Head, SplitHead
from hpc_kernels.tables.csv.header import detect_separator
from hpc_kernels.tables.csv.hints import DECIMAL_COMMA, MAY_BE_THOUSANDS, has_thousands

_CANDIDATES = (b";", b"\t", b",", b"|", BLANKS)
_MOSTLY_TEXTS = 0.4
_OF_TEN_ALIKE = 9  # rows of ten that have as many cells as the header
_LOOKED_AT = 20  # rows
_MOST_CELLS = 1000
Place = tuple[int, int, str]  # row and column of a cell, counted from 0, and its text


def find_separator(head: Head) -> bytes:
    """Return the separator by which header and first rows have as many cells and most numbers."""
    return best_separator(head) or detect_separator(head.file, head.header.rstrip(b"\r\n"))


def best_separator(head: Head) -> bytes:
    """Return the separator that makes a table of the first rows, blank where none does."""
    rated = [(_rating(head, candidate), candidate) for candidate in _CANDIDATES]
    best, separator = max(rated, key=lambda pair: pair[0])
    if 0 < best < _MOSTLY_TEXTS and b"\t" in head.header.strip():  # maybe a tab before a last text
        blanks = _rating(head, BLANKS, tabs=True)
        best, separator = max((best, separator), (blanks, BLANKS), key=lambda pair: pair[0])
    return separator if best > 0 else b""


def _rating(head: Head, separator: bytes, *, tabs: bool = False) -> float:
    """Return the part of known cells among those below the header; 0 if the rows differ in width."""
    if separator == BLANKS and not tabs and b"\t" in head.header.strip():  # a table of tabs with a blank cell
        return 0.0
    if head.is_cut or (separator != BLANKS and separator not in head.header):
        return 0.0
    lines = tuple(line for line in head.lines[:_LOOKED_AT] if line.strip())
    split = Head(head.file, head.row, head.header, head.body, lines).split(separator)
    alike = sum(len(row) == split.width for row in split.rows)
    if split.width == 1 or not split.rows or 10 * alike < _OF_TEN_ALIKE * len(split.rows):
        return 0.0
    cells = [cell for row in split.rows for cell in row[:_MOST_CELLS]]
    return (1 + sum(map(is_known, cells))) / (1 + len(cells))


def find_decimal(head: Head, split: SplitHead, cells: Iterable[Place], separator: bytes) -> bytes:
    """Return the decimal mark of some cells below the header.

    Raises
    ------
    BadInputError
        If a comma may divide thousands as well, or both marks are used.
    """
    seen = [cell for cell in cells if not cell[2].isdigit()]
    for place in seen:
        if has_thousands(_bytes(place[2])):
            reason = "a number without thousands separators"
            raise _refusal(head, split, place, f"expected {reason}", "write it without them")
    if separator == b",":
        return b"."
    commas = [place for place in seen if DECIMAL_COMMA.fullmatch(_bytes(place[2]))]
    if not commas:
        return b"."
    if any("." in place[2] and is_number(place[2], ".") for place in seen):
        raise _refusal(
            head, split, commas[0], "other numbers have a decimal point", "set params.table.decimal"
        )
    if all(MAY_BE_THOUSANDS.fullmatch(_bytes(place[2])) for place in commas):
        told = "the comma may divide thousands or be a decimal comma"
        raise _refusal(
            head, split, commas[0], told, "set params.table.decimal to ',' or leave out the commas"
        )
    return b","


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _refusal(head: Head, split: SplitHead, place: Place, told: str, way: str) -> BadInputError:
    row, column, text = place
    name = split.header[column] if column < split.width else ""
    where = cell_place(head.file, head.first_row + row, column, name)
    return BadInputError(f"{where}: found {text[:40]!r}: {told}; {way}")
