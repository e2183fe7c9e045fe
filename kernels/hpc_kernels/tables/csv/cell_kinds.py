"""Kinds of cells in the head of a table: number, time, missing or other text."""

import re
from collections.abc import Iterable, Sequence

from hpc_kernels.tables.csv.missing_words import is_missing
from hpc_kernels.tables.times import is_time

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_POINT = re.compile(_NUMBER)
_COMMA = re.compile(_NUMBER.replace(r"\.", ","))
_PRECISE = re.compile(r".*[.,eE].*")


def is_number(cell: str, decimal: str = "") -> bool:
    """Return whether a cell is a number with this decimal mark, or with either one."""
    marks = {".": (_POINT,), ",": (_COMMA,), "": (_POINT, _COMMA)}[decimal]
    return any(mark.fullmatch(cell) for mark in marks)


def is_precise(cell: str) -> bool:
    """Return whether a number is written with a decimal mark or an exponent."""
    return bool(_PRECISE.fullmatch(cell))


def is_blank_or_missing(cell: str) -> bool:
    """Return whether a cell stands for a missing number."""
    return is_missing(cell.encode("utf-8", "surrogateescape"))


def is_known(cell: str) -> bool:
    """Return whether a cell is a number, a time or missing."""
    return is_number(cell) or is_blank_or_missing(cell) or is_time(cell)


def counts_up(cells: Sequence[str], least: int = 2) -> bool:
    """Return whether at least `least` cells are 0, 1, 2 ... or 1, 2, 3 ..."""
    return len(cells) >= least and any(
        all(cell == str(first + i) for i, cell in enumerate(cells)) for first in (0, 1)
    )


def are_numbers(cells: Iterable[str], decimal: str = "") -> bool:
    """Return whether all cells are numbers."""
    return all(is_number(cell, decimal) for cell in cells)


def are_mostly_times(cells: Sequence[str]) -> bool:
    """Return whether more than half of the cells are times; the reader refuses the other ones."""
    return 2 * sum(map(is_time, cells)) > len(cells)


def are_times(cells: Sequence[str]) -> bool:
    """Return whether all cells are times, and there is one."""
    return bool(cells) and all(map(is_time, cells))
