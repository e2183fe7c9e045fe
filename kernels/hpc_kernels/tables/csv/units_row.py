"""The row of units below the header: no cell is a number, and the next row has numbers."""

import re

from hpc_kernels.tables.csv.cell_kinds import are_numbers, is_blank_or_missing, is_number
from hpc_kernels.tables.csv.head import SplitHead
from hpc_kernels.tables.times import is_time

_DIGITS = re.compile(r"[0-9]{3}|[0-9][.,][0-9]|[0-9][-/:.][0-9]{1,2}[-/:.][0-9]")
_LOOKED_AT = 10  # rows


def is_units_row(split: SplitHead) -> bool:
    """Return whether the first row below the header holds units."""
    rows = [row for row in split.rows[:_LOOKED_AT] if any(row)]
    if len(rows) < 2 or rows[0] is not split.rows[0] or are_numbers(split.header):  # noqa: PLR2004 (units and a sample)
        return False
    units, (first, *others) = rows[:2]
    named = any(not is_blank_or_missing(cell) for cell in (units if not any(units[1:]) else units[1:]))
    if len(units) != split.width or not named or any(map(_is_no_unit, units)):
        return False
    numbers = [is_number(cell) for cell in others]
    whole = all(is_number(cell) or is_blank_or_missing(cell) for cell in others)
    return whole and (is_number(first) or (is_time(first) and any(numbers)))


def _is_no_unit(cell: str) -> bool:
    """Return whether a cell is a number or a time, or holds one of some digits, maybe a broken one."""
    return is_number(cell) or is_time(cell) or bool(_DIGITS.search(cell))
