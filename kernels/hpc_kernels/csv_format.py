"""Numbers as text: the shortest decimals that read back to the same float, cell by cell.

The digits are found by R. Giulietti, "The Schubfach way to render doubles" (2020); the same steps
serve single precision with its own width.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, Scalar
from hpc_kernels.compiled import compiled
from hpc_kernels.machine_words import bits_of_float, high_product, leading_zeros
from hpc_kernels.powers import rounded_up_tens

Text = NDArray[np.uint8]
Word = Any  # a uint64; mixed with Python's integers it would be a float to a checker of types
LONGEST_CELL = 25  # "-1.2345678901234567e-308" and its separator
_FIRST, _LAST = -292, 324
_UPPER, _LOWER = rounded_up_tens(_FIRST, _LAST)
_ZERO, _DOT, _MINUS, _E, _SEPARATOR, _LINE_END = b"0.-e;\n"
_NAN, _INFINITE = np.frombuffer(b"nan", np.uint8), np.frombuffer(b"inf", np.uint8)
_LEAST_POINT, _LAST_POINT = -4, 16  # like Python: where the decimal point lies in plain notation
_ONE, _TEN, _HUNDRED = np.uint64(1), np.uint64(10), np.uint64(100)
_TENS = np.array([10**i for i in range(20)], dtype=np.uint64)
_PAIRS = np.frombuffer("".join(f"{i:02}" for i in range(100)).encode(), np.uint8)  # 00 01 02 ... 99


@compiled
def format_rows(rows: Array, text: Text) -> int:
    """Write `rows` (samples, signals) with a separator after every cell; return the length of the text."""
    at, fraction_bits = 0, 52 if rows.itemsize == 8 else 23  # noqa: PLR2004 (of float64, of float32)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            at = _format(rows[i, j], fraction_bits, text, at)
            text[at] = _SEPARATOR
            at += 1
        text[at] = _LINE_END
        at += 1
    return at


@compiled
def _format(value: Scalar, fraction_bits: int, text: Text, at: int) -> int:
    """Write `value` at `at`; return where it ends."""
    if np.isnan(value):
        return _copy(_NAN, text, at)
    if np.signbit(value):
        text[at] = _MINUS
        at += 1
        value = -value
    if np.isinf(value):
        return _copy(_INFINITE, text, at)
    if value == 0:
        text[at] = _ZERO
        return at + 1
    digits, exponent = _shortest(bits_of_float(value), fraction_bits)
    return _write(digits, exponent, text, at)


@compiled
def _copy(word: Text, text: Text, at: int) -> int:
    for byte in word:
        text[at] = byte
        at += 1
    return at


@compiled
def _shortest(bits: Word, fraction_bits: int) -> tuple[Word, int]:
    """Return (digits, exponent), the shortest decimal in the rounding interval of a positive float."""
    bias = fraction_bits + (1023 if fraction_bits == 52 else 127)  # noqa: PLR2004
    fraction = bits & ((_ONE << np.uint64(fraction_bits)) - _ONE)
    exponent = int(bits >> np.uint64(fraction_bits))
    mantissa, q = fraction, 1 - bias
    if exponent != 0:
        mantissa, q = fraction | (_ONE << np.uint64(fraction_bits)), exponent - bias
    if -fraction_bits <= q <= 0 and mantissa & ((_ONE << np.uint64(-q)) - _ONE) == 0:
        return mantissa >> np.uint64(-q), 0  # a whole number
    uneven = fraction == 0 and exponent > 1  # the float below is nearer than the one above
    k = (q * 1262611 - (524031 if uneven else 0)) >> 22  # floor(log10(2**q)), of 3/4 of it when uneven
    shift = np.uint64(q + ((-k * 1741647) >> 19) + 1)
    quadruple = mantissa << np.uint64(2)
    low = _scaled((quadruple - np.uint64(1 if uneven else 2)) << shift, -k)
    centre = _scaled(quadruple << shift, -k)
    high = _scaled((quadruple + np.uint64(2)) << shift, -k)
    open_ends = mantissa & _ONE  # an odd mantissa does not own the ends of its interval
    return _in_interval(low + open_ends, centre, high - open_ends, k)


@compiled
def _in_interval(low: Word, centre: Word, high: Word, k: int) -> tuple[Word, int]:
    """Return the shortest decimal between `low` and `high`, quadruples of units of ``10**k``."""
    unit, four = centre >> np.uint64(2), np.uint64(4)
    tens = unit // _TEN
    below, above = low <= tens * _TEN * four, (tens + _ONE) * _TEN * four <= high
    if unit >= _TEN and below != above:
        return (tens + _ONE if above else tens), k + 1
    below, above = low <= unit * four, (unit + _ONE) * four <= high
    if below != above:
        return (unit + _ONE if above else unit), k
    middle = unit * four + np.uint64(2)
    up = centre > middle or (centre == middle and unit & _ONE == _ONE)
    return (unit + _ONE if up else unit), k


@compiled
def _scaled(word: Word, power: int) -> Word:
    """Return ``word 10**power`` cut to 64 bits, the last one set if anything was cut off."""
    upper, lower = _UPPER[power - _FIRST], _LOWER[power - _FIRST]
    carried = high_product(lower, word)
    middle = upper * word + carried
    top = high_product(upper, word) + np.uint64(middle < carried)
    return top | np.uint64(middle > _ONE)


@compiled
def _write(digits: Word, exponent: int, text: Text, at: int) -> int:
    """Write ``digits 10**exponent``, plain where the decimal point is near, else with an exponent."""
    while digits % _TEN == 0:
        digits //= _TEN
        exponent += 1
    count = _count(digits)
    point = count + exponent
    if _LEAST_POINT < point <= 0:
        text[at], text[at + 1] = _ZERO, _DOT
        text[at + 2 : at + 2 - point] = _ZERO
        return _write_digits(digits, count, count, text, at + 2 - point)
    if 0 < point <= _LAST_POINT:
        return _write_digits(digits, count, point, text, at)
    at = _write_digits(digits, count, 1, text, at)
    text[at] = _E
    at += 1
    if point < 1:
        text[at] = _MINUS
        at += 1
    power = np.uint64(abs(point - 1))
    return _write_digits(power, _count(power), _count(power), text, at)


@compiled
def _count(digits: Word) -> int:
    """Return how many decimal digits a number above 0 has (0 counts as one)."""
    bits = 64 - int(leading_zeros(digits | _ONE))
    count: int = (bits * 1233) >> 12  # log10(2) is a little less than 1233 / 4096
    return count + int(digits >= _TENS[count])


@compiled
def _write_digits(digits: Word, count: int, point: int, text: Text, at: int) -> int:
    """Write `count` digits with the decimal point after the first `point`, zeros up to it if need be."""
    first = at + (point < count)
    place = first + count
    while place - 2 >= first:
        rest = digits // _HUNDRED
        pair = digits - rest * _HUNDRED
        place -= 2
        text[place], text[place + 1] = _PAIRS[2 * pair], _PAIRS[2 * pair + 1]
        digits = rest
    if place > first:
        text[first] = _ZERO + digits
    if point < count:
        for i in range(at, at + point):
            text[i] = text[i + 1]
        text[at + point] = _DOT
        return first + count
    text[first + count : at + point] = _ZERO
    return at + point
