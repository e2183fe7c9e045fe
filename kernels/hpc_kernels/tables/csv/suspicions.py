"""Warnings about a table that was read as it stands, but looks like a mistake."""

import re
from collections.abc import Sequence
from itertools import pairwise

from hpc_kernels.tables.csv.cell_kinds import counts_up
from hpc_kernels.tables.csv.head import SplitHead

_TIME_NAMES = re.compile(
    r"\W*(time|times|timestamp|date|datetime|year|month|day|hour|minute|second|seconds|epoch|zeit|datum|jahr"
    r"|t|ts)\W*(\W(utc|s|ms|us|ns|sec|h|min)\W*)?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_LOOKED_AT = 64  # columns
_LEAST_ROWS = 3
_TOLERANCE = 1e-3
_WAY = "if it is the time, name it with params.table.time_column, or leave it out with params.table.skip"


def suspect_times(split: SplitHead, names: Sequence[str], kept: Sequence[int]) -> list[str]:
    """Return a warning for each signal that is called like a time, and for a first one that rises evenly."""
    return [
        f"column {names[i]!r} is read as a signal although {reason}; {_WAY}"
        for i in kept[:_LOOKED_AT]
        if (reason := _reason(split, names[i], i, kept[0]))
    ]


def _reason(split: SplitHead, name: str, column: int, first: int) -> str:
    if not name.strip() and column == 0 and counts_up(split.column(column)):
        return "it has no name and counts the rows"
    if _TIME_NAMES.fullmatch(name):
        return "it is called like a time"
    return "it rises evenly" if column == first and rises_evenly(split.column(column)) else ""


def rises_evenly(cells: Sequence[str]) -> bool:
    """Return whether at least three cells rise in equal steps."""
    try:
        values = [float(cell.replace(",", ".")) for cell in cells]
    except ValueError:
        return False
    steps = [after - before for before, after in pairwise(values)]
    if len(values) < _LEAST_ROWS or steps[0] <= 0:
        return False
    return max(abs(step - steps[0]) for step in steps) <= _TOLERANCE * steps[0]


def suspect_thousands(split: SplitHead, names: Sequence[str], kept: Sequence[int]) -> list[str]:
    """Return a warning for the first signal of whole numbers beside some with a point and three digits."""
    for i in kept[:_LOOKED_AT]:
        cells = split.column(i)
        pointed = [cell for cell in cells if not cell.isdecimal()]
        whole = any(len(cell) > 1 for cell in cells if cell.isdecimal())
        if whole and len(pointed) > 1 and all(map(_THOUSANDS.fullmatch, pointed)):
            told = f"column {names[i]!r} has whole numbers beside {pointed[0]}, read with a decimal point"
            return [f"{told}; if the point divides thousands, write the numbers without it"]
    return []


def blank_rows(end: int, last: int) -> list[str]:
    """Return a warning where the rows end at byte `end`, and blank cells follow up to byte `last`."""
    return ["rows of blank cells alone at the end are left out"] if end < last else []


def suspect_header(header: Sequence[str], *, numbers: bool) -> list[str]:
    """Return a warning about a header of numbers, unless they count the columns."""
    if not numbers or counts_up(header):
        return []
    shown = ", ".join(header[:3])
    told = f"the first row ({shown}) holds numbers alone and is read as names"
    return [f"{told}; if it is a sample, set params.table.header to false"]
