"""Number formatting: the text of the shortest decimals that parse to the same float, cell by cell."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.bit_intrinsics import Word
from hpc_kernels.jit.byte_intrinsics import VECTOR_BYTES, store_digits, store_word
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.shortest_digits import find_digits

LONGEST_CELL = 25  # "-1.2345678901234567e-308" and its separator
CELLS_PER_BATCH = 512
_ZERO, _DOT, _MINUS, _E, _SEPARATOR, _LINE_END = b"0.-e;\n"
_NAN, _INFINITE, _SMALL = (
    np.uint64(int.from_bytes(word, "little")) for word in (b"nan", b"inf", b"0.000000")
)
_LEAST_POINT, _LAST_POINT = -4, 16  # Python's limits of the decimal point in plain notation
_NOWHERE = VECTOR_BYTES  # a place of the decimal point beyond the digits
_GROUP = np.uint64(10**8)


@compiled
def format_cells(
    cells: Array, columns: int, text: ByteArray, digits: NDArray[np.uint64], points: NDArray[np.int64]
) -> int:
    """Write rows of `columns` cells with a separator after every cell; return the length of the text.

    Parameters
    ----------
    cells : ndarray of float64 or float32, shape (cells,)
    columns : int
    text : ndarray of uint8
        Room for `LONGEST_CELL` bytes a cell, a line break a row, and `TEXT_PADDING`.
    digits, points : ndarray of uint64 and of int64, shape (CELLS_PER_BATCH,)
        Scratch space.
    """
    at, column = 0, 0
    for start in range(0, len(cells), len(digits)):
        some = cells[start : start + len(digits)]
        find_digits(some, 52 if cells.itemsize == 8 else 23, digits, points)  # noqa: PLR2004 (of float64, of float32)
        at, column = _write_cells(some, digits, points, columns, column, text, at)
    return at


@compiled
def _write_cells(
    cells: Array,
    digits: NDArray[np.uint64],
    points: NDArray[np.int64],
    columns: int,
    column: int,
    text: ByteArray,
    at: int,
) -> tuple[int, int]:
    """Write cells from `column` on at `at`; return the end of the text and the column of the next cell."""
    for i in range(len(cells)):
        text[at] = _MINUS
        at += np.signbit(cells[i])
        point = points[i]
        if digits[i] == 0:
            at = _write_special(cells[i], text, at)
        elif _LEAST_POINT < point <= _LAST_POINT:
            store_word(text, at, _SMALL)
            lead = 2 - point if point <= 0 else 0
            kept = _write_digits(digits[i], text, at + lead, point if point > 0 else _NOWHERE)
            at += lead + kept if point <= 0 else point if kept <= point else kept + 1
        else:
            at = _write_scientific(digits[i], point, text, at)
        text[at] = _SEPARATOR
        at += 1
        column += 1
        if column == columns:
            text[at], column = _LINE_END, 0
            at += 1
    return at, column


@compiled
def _write_digits(digits: Word, text: ByteArray, at: int, point: int) -> int:
    """Write 17 digits with a point after the first `point`; return their number without trailing zeros."""
    upper = digits // _GROUP
    first = upper // _GROUP
    kept: int = store_digits(text, at, first, upper - first * _GROUP, digits - upper * _GROUP, point)
    return kept


@compiled
def _write_special(value: Any, text: ByteArray, at: int) -> int:
    """Write 0, nan or infinity."""
    if value == 0:
        text[at] = _ZERO
        return at + 1
    at -= np.isnan(value) and np.signbit(value)
    store_word(text, at, _NAN if np.isnan(value) else _INFINITE)
    return at + 3


@compiled
def _write_scientific(digits: Word, point: int, text: ByteArray, at: int) -> int:
    """Write ``0.digits 10**point`` with one digit before the decimal point and an exponent."""
    kept = _write_digits(digits, text, at, 1)
    at += kept + (kept > 1)
    text[at] = _E
    at += 1
    if point < 1:
        text[at] = _MINUS
        at += 1
    power = abs(point - 1)
    for place in (100, 10, 1):
        if power >= place or place == 1:
            text[at] = _ZERO + power // place % 10
            at += 1
    return at
