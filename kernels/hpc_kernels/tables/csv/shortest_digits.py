"""The shortest decimals of floats: 17 digits, whose last ones are zeros, and the place of the point.

Source: R. Giulietti, "The Schubfach way to render doubles" (2020); single precision uses the same steps
with its own width. The first loop has no branch and no product of more than 64 bits, so that LLVM computes
several cells at once in vector registers. It leaves the parts of its products that hardly matter, and tells
where they might: the second one computes those cells exactly.
"""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.jit.bit_intrinsics import Word, float_to_bits, leading_zeros, scaled_interval
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.powers_of_ten import rounded_up_powers_of_ten

_FIRST, _LAST = -310, 329
_UPPER, _LOWER = rounded_up_powers_of_ten(_FIRST, _LAST)
# k = floor(log10(2**q)), of 3/4 of it when uneven, and floor(log2(10**k)), each as (factor k) >> bits.
_LOG_2, _LOG_2_BITS, _THREE_QUARTERS = 1262611, np.uint64(22), 524031
_LOG_10, _LOG_10_BITS = 1741647, np.uint64(19)
_PLACES = _LAST + 1  # added to k: it is no negative number then
_MORE = 1100  # added to the logarithm to the base 2
_LOG_START = np.uint64((_MORE << 19) + _LAST * _LOG_10)
_UNIT_BITS = np.uint64(4)  # a product counts in 16ths of tens
_ZERO, _ONE, _FOUR, _TEN = (np.uint64(value) for value in (0, 1, 4, 10))
_HALF_WORD, _LOWER_HALF, _TENTH_HALF = np.uint64(32), np.uint64((1 << 32) - 1), np.uint64(1 << 31)
_DOUBT = np.uint64(64)  # more than the error of a part of ten, in its last bits
_MOST_DIGITS = 17
_TENS = np.array([10**i for i in range(20)], dtype=np.uint64)
_TENTHS = np.uint64(10**8), np.uint64(10**9), np.uint64(10**10)
_LONG, _LONG_SINGLE, _SINGLE = np.uint64(10**16), np.uint64(10**8), np.uint64(10**7)


@compiled
def find_digits(
    cells: Array, fraction_bits: int, digits: NDArray[np.uint64], points: NDArray[np.int64]
) -> None:
    """Write the shortest decimals ``0.digits 10**points``, unsigned, of 17 digits.

    Digits are 0 for 0, nan and infinity.
    """
    if _find_most(cells, fraction_bits, digits, points):
        _find_all(cells, fraction_bits, digits, points)


@compiled
def _find_most(  # (divided into functions, it is not computed in vectors)
    cells: Array, fraction_bits: int, digits: NDArray[np.uint64], points: NDArray[np.int64]
) -> bool:
    """Find the digits as tens, a part of ten in 64 bits and a digit; return whether a cell is in doubt."""
    width, highest = np.uint64(fraction_bits), np.uint64(2047 if fraction_bits == 52 else 255)  # noqa: PLR2004
    bias = fraction_bits + (1023 if fraction_bits == 52 else 127)  # noqa: PLR2004
    hidden, doubts = _ONE << width, _ZERO
    even = np.uint64((_PLACES << 22) - bias * _LOG_2)
    uneven = np.uint64((_PLACES << 22) - bias * _LOG_2 - _THREE_QUARTERS)
    for i in range(len(cells)):
        bits = float_to_bits(cells[i])
        fraction, exponent = bits & (hidden - _ONE), (bits >> width) & highest
        k = (exponent * np.uint64(_LOG_2) + (uneven if fraction == _ZERO else even)) >> _LOG_2_BITS
        logarithm = (_LOG_START - k * np.uint64(_LOG_10)) >> _LOG_10_BITS
        shift = exponent + logarithm - np.uint64(bias - 5 + _MORE)
        power = np.uint64(_LAST - _FIRST) - k
        upper, lower, word = _UPPER[power], _LOWER[power], (fraction | hidden) << shift
        # The product in halves of words: the upper 64 bits, and the next ones, which may be too small by 3.
        right, left = word & _LOWER_HALF, word >> _HALF_WORD
        first, second = right * (upper & _LOWER_HALF), right * (upper >> _HALF_WORD)
        third = left * (upper & _LOWER_HALF)
        middle = (first >> _HALF_WORD) + (second & _LOWER_HALF) + (third & _LOWER_HALF)
        more = left * (lower >> _HALF_WORD) + ((right * (lower >> _HALF_WORD)) >> _HALF_WORD)
        more += (left * (lower & _LOWER_HALF)) >> _HALF_WORD
        rest = ((middle << _HALF_WORD) | (first & _LOWER_HALF)) + more
        top = left * (upper >> _HALF_WORD) + (second >> _HALF_WORD) + (third >> _HALF_WORD)
        top += (middle >> _HALF_WORD) + np.uint64(rest < more)
        tens, part = top >> _UNIT_BITS, (top << np.uint64(60)) | (rest >> _UNIT_BITS)
        # A multiple of ten between the middles to the floats below and above, else the nearest number there.
        high = upper >> (np.uint64(5) - shift)
        low = high >> np.uint64(fraction == _ZERO)
        above, tenths = part + high, (part >> _HALF_WORD) * _TEN
        behind, limit = tenths & _LOWER_HALF, min(_TENTH_HALF, (low >> _HALF_WORD) * _TEN)
        near = (part - low + _DOUBT <= _DOUBT + _DOUBT) | (above + _DOUBT <= _DOUBT + _DOUBT)
        near |= behind - limit + _DOUBT <= _DOUBT + _DOUBT
        near |= (exponent <= _ONE) & (bits << _ONE != _ZERO)
        doubts |= np.uint64(near)
        nearest = (tenths >> _HALF_WORD) + np.uint64(behind > limit)
        found = tens * _TEN + (_ZERO if part < low else _TEN if above < high else nearest)
        found = _ZERO if exponent == _ZERO or exponent == highest else found  # noqa: PLR1714, SIM109 (LLVM computes a choice in vectors)
        if fraction_bits == 52:  # noqa: PLR2004
            digits[i] = found if found >= _LONG else found * _TEN
            points[i] = np.int64(k) - _PLACES + (17 if found >= _LONG else 16)
        else:
            long, short = found >= _LONG_SINGLE, found < _SINGLE
            digits[i] = found * (_TENTHS[0] if long else _TENTHS[2] if short else _TENTHS[1])
            points[i] = np.int64(k) - _PLACES + (9 if long else 7 if short else 8)
    return bool(doubts != _ZERO)


@compiled
def _find_all(
    cells: Array, fraction_bits: int, digits: NDArray[np.uint64], points: NDArray[np.int64]
) -> None:
    """Find the digits of any cells, by the exact ends of the interval that rounds to a float."""
    width, highest = np.uint64(fraction_bits), 2047 if fraction_bits == 52 else 255  # noqa: PLR2004
    bias = fraction_bits + highest // 2
    hidden = _ONE << width
    for i in range(len(cells)):
        bits = float_to_bits(cells[i])
        fraction, exponent = bits & (hidden - _ONE), int(bits >> width) & highest
        normal = exponent != 0
        mantissa, q = fraction + hidden * np.uint64(normal), exponent - bias + (not normal)
        uneven = fraction == 0 and exponent > 1  # the float below is nearer than the float above
        k = (q * _LOG_2 - _THREE_QUARTERS * uneven) >> 22
        shift = np.uint64(q + ((-k * _LOG_10) >> 19) + 1)
        low, centre, high = scaled_interval(
            mantissa << (shift + np.uint64(2)),
            shift + np.uint64(not uneven),
            shift + _ONE,
            _UPPER[-k - _FIRST],
            _LOWER[-k - _FIRST],
        )
        odd = mantissa & _ONE  # the ends of the interval of an odd mantissa round to its neighbours
        found = _in_interval(low + odd, centre, high - odd)
        found *= np.uint64(mantissa != 0 and exponent != highest)
        count = _count_digits(found)
        digits[i], points[i] = found * _TENS[_MOST_DIGITS - count], k + count


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
def _count_digits(digits: Word) -> int:
    """Return the number of decimal digits of a whole number (1 for 0)."""
    bits = 64 - int(leading_zeros(digits | _ONE))
    count: int = (bits * 1233) >> 12  # log10(2) is a little less than 1233 / 4096
    return count + int(digits >= _TENS[count])
