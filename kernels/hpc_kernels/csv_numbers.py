"""One number of a CSV cell, from text to the nearest double, correctly rounded.

Where the fast ways cannot be sure (more than 19 digits, results beyond the normal range) nothing
is guessed: the cell is left to the interpreter's `float`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.compiled import compiled
from hpc_kernels.machine_words import float_of_bits, high_product, leading_zeros
from hpc_kernels.powers import truncated_fives

Text = NDArray[np.uint8]
Word = Any  # a uint64; mixed with Python's integers it would be a float to a checker of types
_FIRST, _LAST = -342, 308
_UPPER, _LOWER = truncated_fives(_FIRST, _LAST)
_EXACT = np.array([10.0**i for i in range(23)])  # the powers of ten that a double holds exactly
_EXACT_DIGITS = np.uint64(1 << 53)
_MOST_DIGITS = 19
_ZERO, _NINE, _DOT, _PLUS, _MINUS, _E, _LITTLE_E = b"09.+-Ee"
_QUOTE, _SPACE, _TAB = b'" \t'
_LONGEST_EXPONENT = 9999
_ONE = np.uint64(1)


@compiled
def parse(text: Text, at: int) -> tuple[float, int]:
    """Return the number that begins at `at` and where it ends; end 0 if there is none to be sure of.

    `text` must end with a byte that belongs to no number, such as a line break.
    """
    negative = text[at] == _MINUS
    if negative or text[at] == _PLUS:
        at += 1
    first = at
    digits = np.uint64(0)
    while _ZERO <= text[at] <= _NINE:
        digits = digits * np.uint64(10) + np.uint64(text[at] - _ZERO)
        at += 1
    count, exponent = at - first, 0
    if text[at] == _DOT:
        at += 1
        point = at
        while _ZERO <= text[at] <= _NINE:
            digits = digits * np.uint64(10) + np.uint64(text[at] - _ZERO)
            at += 1
        exponent = point - at
        count += at - point
    if count == 0 or (count > _MOST_DIGITS and count - _idle_zeros(text, first) > _MOST_DIGITS):
        return 0.0, 0
    if text[at] == _E or text[at] == _LITTLE_E:
        power, at = _exponent(text, at + 1)
        exponent += power
    number, sure = nearest(digits, exponent)
    return (-number if negative else number), (at if sure else 0)


@compiled
def _idle_zeros(text: Text, at: int) -> int:
    """Return how many zeros lead the number at `at`: they fill no place."""
    zeros = 0
    while text[at] == _ZERO or text[at] == _DOT:
        zeros += text[at] == _ZERO
        at += 1
    return zeros


@compiled
def _exponent(text: Text, at: int) -> tuple[int, int]:
    """Return the exponent that begins at `at` and where it ends, or end 0 if it has no digit."""
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
def nearest(digits: Word, exponent: int) -> tuple[float, bool]:
    """Return the double nearest to ``digits 10**exponent``, and whether it is surely that one."""
    if digits <= _EXACT_DIGITS and -len(_EXACT) < exponent < len(_EXACT):
        if exponent < 0:
            return np.float64(digits) / _EXACT[-exponent], True
        return np.float64(digits) * _EXACT[exponent], True
    if exponent < _FIRST or exponent > _LAST:
        return 0.0, digits == 0 and exponent < _LONGEST_EXPONENT - 400
    if digits == 0:
        return 0.0, True
    return _by_product(digits, exponent)


@compiled
def _by_product(digits: Word, exponent: int) -> tuple[float, bool]:
    """Multiply by the power's leading 128 bits (Eisel and Lemire); unsure where those cannot decide."""
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
    binary = ((217706 * exponent) >> 16) + 63 + np.int64(top) - np.int64(shift) + 1023
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
    return float_of_bits(bits), True
