"""Number formatting: the shortest decimals that parse to the same float, cell by cell.

Source of the algorithm: R. Giulietti, "The Schubfach way to render doubles" (2020); single precision uses
the same steps with its own width.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.bit_intrinsics import Word, float_to_bits, leading_zeros, scaled_interval
from hpc_kernels.jit.byte_intrinsics import VECTOR_BYTES, store_digits, store_word
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.powers_of_ten import rounded_up_powers_of_ten

LONGEST_CELL = 25  # "-1.2345678901234567e-308" and its separator
CELLS_PER_BATCH = 512
_FIRST, _LAST = -292, 324
_UPPER, _LOWER = rounded_up_powers_of_ten(_FIRST, _LAST)
_ZERO, _DOT, _MINUS, _E, _SEPARATOR, _LINE_END = b"0.-e;\n"
_NAN, _INFINITE, _SMALL = (
    np.uint64(int.from_bytes(word, "little")) for word in (b"nan", b"inf", b"0.000000")
)
_LEAST_POINT, _LAST_POINT = -4, 16  # Python's limits of the decimal point in plain notation
_NOWHERE = VECTOR_BYTES  # a place of the decimal point beyond the digits
_ONE, _TEN, _FOUR = np.uint64(1), np.uint64(10), np.uint64(4)
_MOST_DIGITS, _GROUP = 17, np.uint64(10**8)
_TENS = np.array([10**i for i in range(20)], dtype=np.uint64)


@compiled
def format_cells(
    cells: Array, columns: int, text: ByteArray, digits: NDArray[np.uint64], powers: NDArray[np.int64]
) -> int:
    """Write rows of `columns` cells with a separator after every cell; return the length of the text.

    Parameters
    ----------
    cells : ndarray of float64 or float32, shape (cells,)
    columns : int
    text : ndarray of uint8
        Room for `LONGEST_CELL` bytes a cell, a line break a row, and `TEXT_PADDING`.
    digits, powers : ndarray of uint64 and of int64, shape (CELLS_PER_BATCH,)
        Scratch space.
    """
    at, column = 0, 0
    for start in range(0, len(cells), len(digits)):
        some = cells[start : start + len(digits)]
        _find_digits(some, 52 if cells.itemsize == 8 else 23, digits, powers)  # noqa: PLR2004 (of float64, of float32)
        at, column = _write_cells(some, digits, powers, columns, column, text, at)
    return at


@compiled
def _find_digits(
    cells: Array, fraction_bits: int, digits: NDArray[np.uint64], powers: NDArray[np.int64]
) -> None:
    """Write the shortest decimals ``digits 10**powers``, unsigned; digits are 0 for 0, nan and infinity."""
    width, highest = np.uint64(fraction_bits), 2047 if fraction_bits == 52 else 255  # noqa: PLR2004
    bias = fraction_bits + highest // 2
    hidden = _ONE << width
    for i in range(len(cells)):
        bits = float_to_bits(cells[i])
        fraction, exponent = bits & (hidden - _ONE), int(bits >> width) & highest
        normal = exponent != 0
        mantissa, q = fraction + hidden * np.uint64(normal), exponent - bias + (not normal)
        uneven = fraction == 0 and exponent > 1  # the float below is nearer than the float above
        k = (q * 1262611 - 524031 * uneven) >> 22  # floor(log10(2**q)), of 3/4 of it when uneven
        shift = np.uint64(q + ((-k * 1741647) >> 19) + 1)
        low, centre, high = scaled_interval(
            mantissa << (shift + np.uint64(2)),
            shift + np.uint64(not uneven),
            shift + _ONE,
            _UPPER[-k - _FIRST],
            _LOWER[-k - _FIRST],
        )
        odd = mantissa & _ONE  # the ends of the interval of an odd mantissa round to its neighbours
        found = _in_interval(low + odd, centre, high - odd)
        digits[i] = found * np.uint64(mantissa != 0 and exponent != highest)
        powers[i] = k


@compiled
def _in_interval(low: Word, centre: Word, high: Word) -> Word:
    """Return the shortest decimal between `low` and `high`, which are multiples of a quarter unit, in units.

    It has no branches, as the processor could not predict them.
    """
    unit = centre >> np.uint64(2)
    tens = unit // _TEN * _TEN
    below, above = low <= tens * _FOUR, (tens + _TEN) * _FOUR <= high
    shorter = np.uint64(below != above) & np.uint64(unit >= _TEN)
    ten = tens + _TEN * np.uint64(above)
    below, above = low <= unit * _FOUR, (unit + _ONE) * _FOUR <= high
    rest, decided = centre - unit * _FOUR, np.uint64(below != above)
    nearer = np.uint64(rest + (unit & _ONE) > np.uint64(2))
    one = unit + (decided & np.uint64(above) | (_ONE - decided) & nearer)
    return one + (ten - one) * shorter


@compiled
def _write_cells(
    cells: Array,
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
    columns: int,
    column: int,
    text: ByteArray,
    at: int,
) -> tuple[int, int]:
    """Write cells from `column` on at `at`; return the end of the text and the column of the next cell."""
    for i in range(len(cells)):
        text[at] = _MINUS
        at += np.signbit(cells[i])
        count = _count_digits(digits[i])
        point = count + powers[i]
        if digits[i] == 0:
            at = _write_special(cells[i], text, at)
        elif _LEAST_POINT < point <= _LAST_POINT:
            store_word(text, at, _SMALL)
            lead = 2 - point if point <= 0 else 0
            kept = _write_digits(digits[i], count, text, at + lead, point if point > 0 else _NOWHERE)
            at += lead + kept if point <= 0 else point if kept <= point else kept + 1
        else:
            at = _write_scientific(digits[i], count, point, text, at)
        text[at] = _SEPARATOR
        at += 1
        column += 1
        if column == columns:
            text[at], column = _LINE_END, 0
            at += 1
    return at, column


@compiled
def _write_digits(digits: Word, count: int, text: ByteArray, at: int, point: int) -> int:
    """Write digits with a point after the first `point`; return their number without trailing zeros."""
    digits *= _TENS[_MOST_DIGITS - count]
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
def _write_scientific(digits: Word, count: int, point: int, text: ByteArray, at: int) -> int:
    """Write ``0.digits 10**point`` with one digit before the decimal point and an exponent."""
    kept = _write_digits(digits, count, text, at, 1)
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


@compiled
def _count_digits(digits: Word) -> int:
    """Return the number of decimal digits of a whole number (1 for 0)."""
    bits = 64 - int(leading_zeros(digits | _ONE))
    count: int = (bits * 1233) >> 12  # log10(2) is a little less than 1233 / 4096
    return count + int(digits >= _TENS[count])
