"""Parser of plain CSV rows; it stops at a row that is not plain, which `strict` parses.

A text needs `TEXT_PADDING` bytes of any content before and after the part that is parsed.
"""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.bit_intrinsics import count_ones, trailing_zeros
from hpc_kernels.jit.byte_intrinsics import VECTOR_BYTES, match_byte
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.bounds import LONGEST_CELL
from hpc_kernels.tables.csv.parse_number import NOT_PLAIN, POINT, parse_number, parse_plain_cells

ROWS_PER_BATCH = 8  # rows per transposition: they fill a cache line of each signal
_QUOTE, _SPACE, _TAB, _RETURN, _LINE_END = b'" \t\r\n'
_ONE, _LAST_BIT = np.uint64(1), np.uint64(1 << 63)
_WRITTEN_AT_ONCE = 4
START_PADDING = VECTOR_BYTES + _WRITTEN_AT_ONCE


@compiled
def parse_rows(
    text: ByteArray,
    start: int,
    stop: int,
    separator: int,
    out: Array,
    row: int,
    block: Array,
    starts: NDArray[np.int64],
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
) -> tuple[int, int]:
    """Write the rows of ``text[start:stop]`` to ``out[:, row:]``.

    Parameters
    ----------
    text : ndarray of uint8
        Ends with a line break at `stop`.
    start, stop, separator : int
    out : ndarray of float64, shape (signals, samples)
    row : int
        Column of `out` for the first row.
    block, starts, digits, powers : ndarray
        Scratch space: a power of two of rows, and one row with `START_PADDING` for each of the others.

    Returns
    -------
    rows, end : int
        The number of parsed rows, and the start of the next one: `stop`, a row that is not plain, or one
        beyond the last sample of `out`.
    """
    done, together = 0, len(block)
    while start < stop and row + done < out.shape[1]:
        at = _parse_row(text, start, separator, block[done & (together - 1)], starts, digits, powers)
        if at == 0:
            break
        start = at
        done += 1
        if done & (together - 1) == 0:
            transpose(block, together, out, row + done - together)
    rest = done & (together - 1)
    transpose(block, rest, out, row + done - rest)
    return done, start


@compiled
def transpose(block: Array, rows: int, out: Array, row: int) -> None:
    """Write the first `rows` of a block to ``out[:, row:]``."""
    for column in range(block.shape[1]):
        for i in range(rows):
            out[column, row + i] = block[i, column]


@compiled
def _parse_row(
    text: ByteArray,
    at: int,
    separator: int,
    values: Array,
    starts: NDArray[np.int64],
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
) -> int:
    """Parse one row; return the start of the next, or 0 if a cell or the number of cells is not plain."""
    columns = len(values)
    if find_starts(text, at, separator, columns, starts) < columns:
        return 0
    if parse_plain_cells(text, starts, separator, values, digits, powers, POINT) > 0:
        for i in range(columns):
            if powers[i] == NOT_PLAIN:
                values[i], at = parse_odd(text, starts[i], separator, POINT)
                if at == 0:
                    return 0
    end: int = row_end(text, starts[columns - 1], separator)
    return end


@compiled
def row_end(text: ByteArray, at: int, separator: int) -> int:
    """Return the start of the next row, or 0 if the cell that begins at `at` is not the last of its row."""
    while text[at] != separator and text[at] != _LINE_END:
        at += 1
    if text[at] == separator:  # a trailing separator
        at += 1
    if text[at] == _RETURN:
        at += 1
    return at + 1 if text[at] == _LINE_END else 0


@compiled
def find_starts(text: ByteArray, at: int, separator: int, count: int, starts: NDArray[np.int64]) -> int:
    """Write the starts of `count` cells, the first one at `at`; return the number of cells, or a lower bound.

    Starts that are known beforehand let the processor work on several cells at once. The loop writes more
    starts than there are: that is cheaper than a test of their number.
    """
    starts[0], found = at, 1
    while found < count:
        ends = match_byte(text, at, _LINE_END)
        separators = match_byte(text, at, separator) & (ends - _ONE) & ~ends
        place = found
        found += int(count_ones(separators))
        while separators != 0:
            for i in range(_WRITTEN_AT_ONCE):
                starts[place + i] = int(trailing_zeros(separators | _LAST_BIT)) + at + 1
                separators &= separators - _ONE
            place += _WRITTEN_AT_ONCE
        if ends != 0:
            break
        at += VECTOR_BYTES
    return found


@compiled
def parse_odd(text: ByteArray, start: int, separator: int, decimal: int) -> tuple[float, int]:
    """Parse a number with quotes or blanks around it; return it and the end of its cell, or 0."""
    at = after_blanks(text, start, separator)
    quoted = text[at] == _QUOTE
    value, at = parse_number(text, at + quoted, decimal)
    if at == 0 or at - start > LONGEST_CELL or (quoted and text[at] != _QUOTE):
        return 0.0, 0
    end = after_blanks(text, at + quoted, separator)
    returned = text[end] == _RETURN and text[end + 1] == _LINE_END
    return value, (end if returned or text[end] == separator or text[end] == _LINE_END else 0)


@compiled
def after_blanks(text: ByteArray, at: int, separator: int) -> int:
    """Return the end of the blanks at `at`."""
    while text[at] == _SPACE or (text[at] == _TAB and separator != _TAB):
        at += 1
    return at


@compiled
def count_lines(text: ByteArray, start: int, stop: int) -> int:
    """Return the number of line breaks in ``text[start:stop]``."""
    lines = 0
    for at in range(start, stop - VECTOR_BYTES + 1, VECTOR_BYTES):
        lines += int(count_ones(match_byte(text, at, _LINE_END)))
    rest = (stop - start) % VECTOR_BYTES
    last = (_ONE << np.uint64(rest)) - _ONE
    return lines + int(count_ones(match_byte(text, stop - rest, _LINE_END) & last))
