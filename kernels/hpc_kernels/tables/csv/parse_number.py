"""Number parsing: from decimal text to the nearest double, correctly rounded.

A number that the fast algorithms cannot decide (more than 19 digits, a result beyond the normal range) is
left to the interpreter's `float`.
"""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.bit_intrinsics import Word, bits_to_float, high_product, leading_zeros, trailing_zeros
from hpc_kernels.jit.byte_intrinsics import VECTOR_BYTES, match_byte, match_digits, parse_digits
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.powers_of_ten import truncated_powers_of_five

_FIRST, _LAST = -342, 308
_UPPER, _LOWER = truncated_powers_of_five(_FIRST, _LAST)
_MOST_PLACES = 19
_MOST_DIGITS = 24  # leading zeros included
_MOST_ON_TOP = np.uint64(1000)  # bound of the first 8 digits, which leaves 19 significant ones
_ZERO, _NINE, POINT, _PLUS, _MINUS, _E, _LITTLE_E, _LINE_END = b"09.+-Ee\n"
_LONGEST_EXPONENT = 9999
NOT_PLAIN = 2 * _LONGEST_EXPONENT  # the power of a cell that needs another parser
_ONE, _TEN = np.uint64(1), np.uint64(10)
_BEYOND = np.uint64(1 << VECTOR_BYTES)
_WINDOW = np.uint64((1 << VECTOR_BYTES) - 1)
_GROUP = np.uint64(10**8)


@compiled
def parse_plain_cells(
    text: ByteArray,
    starts: NDArray[np.int64],
    separator: int,
    values: Array,
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
    decimal: int,
) -> int:
    """Parse the cells that begin at `starts` into `values`; return the number of cells that are not plain.

    The power of a cell that is not plain becomes `NOT_PLAIN`. `decimal` is the decimal mark. `text` has
    `TEXT_PADDING` bytes of any content before and after the cells. `digits` and `powers` are scratch space
    between two loops: one loop with both bodies would be slower.
    """
    _find_digits(text, starts, separator, values, digits, powers, decimal)
    odd = 0
    for i in range(len(values)):
        number, sure = nearest_double(digits[i], powers[i])
        values[i] *= number
        if not sure:
            powers[i] = NOT_PLAIN
            odd += 1
    return odd


@compiled
def _find_digits(
    text: ByteArray,
    starts: NDArray[np.int64],
    separator: int,
    values: Array,
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
    decimal: int,
) -> None:
    """Write the decimal number of each cell: ``digits 10**powers`` and, in `values`, its sign."""
    for i in range(len(values)):
        at = starts[i]
        negative = text[at] == _MINUS
        points = match_byte(text, at, decimal)
        others = ~(match_digits(text, at) | points | np.uint64(negative)) & _WINDOW | _BEYOND
        points &= (others - _ONE) & ~others
        length = int(trailing_zeros(others))
        behind = length - 1 - int(trailing_zeros(points | _BEYOND))
        count = length - int(negative) - int(points != 0)
        last, middle, top = parse_digits(text, at + length, count, behind if points != 0 else count)
        one_point, ended = points & (points - _ONE) == 0, text[at + length]
        few = (count > 0) & (count <= _MOST_DIGITS) & (top < _MOST_ON_TOP)
        plain = one_point & few & ((ended == separator) | (ended == _LINE_END))
        digits[i] = (top * _GROUP + middle) * _GROUP + last
        powers[i] = (-behind if points != 0 else 0) if plain else NOT_PLAIN
        values[i] = -1.0 if negative else 1.0


@compiled
def parse_number(text: ByteArray, at: int, decimal: int) -> tuple[float, int]:
    """Return the number that begins at `at` and its end; the end is 0 if the number is undecided."""
    negative = text[at] == _MINUS
    if negative or text[at] == _PLUS:
        at += 1
    first, count, exponent, digits = at, 0, 0, np.uint64(0)
    while _ZERO <= text[at] <= _NINE or (text[at] == decimal and exponent == 0):
        if text[at] == decimal:
            exponent = at
        else:
            digits = digits * _TEN + np.uint64(text[at] - _ZERO)
            count += (count > 0) | (digits != 0)  # they may be a multiple of 2**64
        at += 1
    if at - first == int(exponent != 0) or count > _MOST_PLACES:
        return 0.0, 0
    exponent = exponent - at + 1 if exponent != 0 else 0
    if text[at] == _E or text[at] == _LITTLE_E:
        power, at = _exponent(text, at + 1)
        exponent += power
    number, sure = nearest_double(digits, exponent)
    return (-number if negative else number), (at if sure else 0)


@compiled
def _exponent(text: ByteArray, at: int) -> tuple[int, int]:
    """Return the exponent that begins at `at` and its end; the end is 0 if it has no digit."""
    negative = text[at] == _MINUS
    if negative or text[at] == _PLUS:
        at += 1
    if not _ZERO <= text[at] <= _NINE:
        return _LONGEST_EXPONENT, 0
    power = 0
    while _ZERO <= text[at] <= _NINE:
        power = min(power * 10 + (text[at] - _ZERO), _LONGEST_EXPONENT)
        at += 1
    return (-power if negative else power), at


@compiled
def nearest_double(digits: Word, exponent: int) -> tuple[float, bool]:  # noqa: C901 (divided into functions, it is slower by half)
    """Return the double nearest to ``digits 10**exponent``, and whether the algorithm could decide.

    Eisel-Lemire algorithm: the product with the leading 128 bits of the power of five. D. Lemire, "Number
    parsing at a gigabyte per second" (2021).
    """
    if digits == 0:
        return 0.0, exponent < _LONGEST_EXPONENT - 400
    if exponent < _FIRST or exponent > _LAST:
        return 0.0, False
    shift = leading_zeros(digits)
    word = digits << shift
    upper = high_product(word, _UPPER[exponent - _FIRST])
    lower = word * _UPPER[exponent - _FIRST]
    if upper & np.uint64(0x1FF) == np.uint64(0x1FF):
        more = high_product(word, _LOWER[exponent - _FIRST])
        lower += more
        if lower < more:
            upper += _ONE
    if lower == np.uint64(0xFFFFFFFFFFFFFFFF) and not -27 <= exponent <= 55:  # noqa: PLR2004 (the power is inexact)
        return 0.0, False
    top = upper >> np.uint64(63)
    mantissa = upper >> (top + np.uint64(9))
    binary = ((217706 * exponent) >> 16) + 63 + int(top) - int(shift) + 1023
    if binary <= 0:
        return 0.0, False
    if lower <= _ONE and -4 <= exponent <= 23 and mantissa & np.uint64(3) == _ONE:  # noqa: PLR2004, SIM102 (half-way cases)
        if mantissa << (top + np.uint64(9)) == upper:
            mantissa &= ~_ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    if mantissa == np.uint64(1 << 53):
        mantissa, binary = np.uint64(1 << 52), binary + 1
    if binary >= 0x7FF:  # noqa: PLR2004 (infinity)
        return 0.0, False
    bits = (mantissa & np.uint64((1 << 52) - 1)) | (np.uint64(binary) << np.uint64(52))
    return bits_to_float(bits), True
