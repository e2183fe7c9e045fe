"""Whole rows of a CSV table, parsed as far as they are plain; what is not is left to look at slowly."""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.compiled import compiled
from hpc_kernels.csv_numbers import parse

Text = NDArray[np.uint8]
ROWS_TOGETHER = 8  # rows parsed before they are turned into columns: a cache line of each signal
_QUOTE, _SPACE, _TAB, _RETURN, _LINE_END = b'" \t\r\n'


@compiled
def parse_rows(  # noqa: PLR0917 (Numba knows no keyword-only)
    text: Text, separator: int, columns: int, first: int, out: Array, row: int, block: Array
) -> tuple[int, int]:
    """Write as many columns from `first` as `block` has to ``out[:, row:]``, signals as rows.

    Returns how many rows were parsed and where the text of the next one begins: the end of `text`,
    or a row that is not plain. `text` must end with a line break.
    """
    at, begin, done = 0, 0, 0
    while begin < len(text):
        at = _parse_row(text, begin, separator, columns, first, block[done % ROWS_TOGETHER])
        if at == 0:
            break
        begin = at
        done += 1
        if done % ROWS_TOGETHER == 0:
            _turn(block, ROWS_TOGETHER, out, row + done - ROWS_TOGETHER)
    rest = done % ROWS_TOGETHER
    _turn(block, rest, out, row + done - rest)
    return done, begin


@compiled
def _turn(block: Array, rows: int, out: Array, row: int) -> None:
    for column in range(block.shape[1]):
        for i in range(rows):
            out[column, row + i] = block[i, column]


@compiled
def _parse_row(  # noqa: PLR0917 (likewise)
    text: Text, at: int, separator: int, columns: int, first: int, values: Array
) -> int:
    """Parse one row; return where the next begins, or 0 if a cell or their number is not plain."""
    for column in range(columns):
        if first <= column < first + len(values):
            value, at = _parse_cell(text, at, separator)
            if at == 0:
                return 0
            values[column - first] = value
        else:
            while text[at] != separator and text[at] != _LINE_END:
                at += 1
        if column < columns - 1:
            if text[at] != separator:
                return 0
            at += 1
    if text[at] == separator:  # a trailing one
        at += 1
    if text[at] == _RETURN:
        at += 1
    return at + 1 if text[at] == _LINE_END else 0


@compiled
def _parse_cell(text: Text, at: int, separator: int) -> tuple[float, int]:
    """Parse a number, maybe in quotes, maybe among blanks; return it and where the cell ends, or 0."""
    at = _after_blanks(text, at, separator)
    quoted = text[at] == _QUOTE
    value, at = parse(text, at + quoted)
    if at == 0 or (quoted and text[at] != _QUOTE):
        return 0.0, 0
    return value, _after_blanks(text, at + quoted, separator)


@compiled
def _after_blanks(text: Text, at: int, separator: int) -> int:
    while text[at] == _SPACE or (text[at] == _TAB and separator != _TAB):
        at += 1
    return at


@compiled
def count_lines(text: Text) -> int:
    """Return the number of line breaks."""
    lines = 0
    for byte in text:
        lines += byte == _LINE_END
    return lines
