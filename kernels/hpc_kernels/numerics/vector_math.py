"""Exponential, logarithm and normal tail without branches or calls, so that LLVM vectorises loops of them.

Each is a polynomial fitted at Chebyshev nodes with 50 digits; its relative error is below 2**-56.
"""

import numpy as np

from hpc_kernels.jit.bit_intrinsics import bits_to_float, float_to_bits
from hpc_kernels.jit.decorators import compiled_fused

_LOG2_E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SHIFTER = 1.5 * 2.0**52  # the sum with a number holds its nearest whole number in the last bits
_SHIFTER_BITS, _EXPONENT_ONE = np.uint64(0x4338000000000000), np.uint64(1023)
_FRACTION, _FRACTION_BITS = np.uint64(52), np.uint64((1 << 52) - 1)
_SQRT_HALF = np.uint64(0x3FE6A09E667F3BCD)
_LEAST, _GREATEST = -708.0, 709.0  # powers of e that are normal numbers

# exp(r) for |r| <= ln(2) / 2
_EXP = np.array([
    1.0, 1.0, 0.5000000000000019, 0.16666666666666702, 0.04166666666648808, 0.008333333333309526,
    0.0013888888952318045, 0.00019841269909219843, 2.480148547921643e-05, 2.755722495611072e-06,
    2.7632640675430235e-07, 2.5114870219497476e-08,
])  # fmt: skip
# (ln((1 + s) / (1 - s)) - 2 s) / s**3 in powers of s**2, for |s| <= 0.1716
_LOG = np.array([
    0.6666666666666666, 0.4000000000000088, 0.2857142857080112, 0.2222222239222216, 0.18181795590761907,
    0.15386242164348365, 0.13268712289333262, 0.13087217031578988,
])  # fmt: skip
# z Mills(z - 5) / sqrt(2 pi) in powers of u = A - B / z, for 5 <= z <= 44
_POLE, _TAIL_A, _TAIL_B, _FARTHEST = 5.0, 1.2564102564102564, 11.282051282051283, 39.0
_TAIL = np.array([
    0.8516896445588364, -0.7012260086643661, 0.48398989574979756, -0.27721847210375633, 0.12867006513538862,
    -0.04597293297552667, 0.011065377991026085, -0.0008627486200936141, -0.0005243514774640731,
    0.00019322756600932803, 4.471143108657618e-06, -1.7809851943653626e-05, 1.8563928458427212e-06,
    1.5842623241549244e-06, -2.9496169444948914e-07, -1.6031329219214867e-07, 3.462686097732858e-08,
    1.8733394800769344e-08, -3.3487129708189732e-09, -2.1858160948268122e-09, 2.078456766789875e-10,
    1.7090479863491669e-10,
])  # fmt: skip


@compiled_fused
def exponential(x: float) -> float:
    """Return ``exp(x)``; 0 or infinity if the result is not a normal number."""
    bounded = min(max(x, _LEAST), _GREATEST)
    shifted = bounded * _LOG2_E + _SHIFTER
    n = shifted - _SHIFTER
    r = bounded - n * _LN2_HIGH - n * _LN2_LOW
    total = 0.0
    for i in range(len(_EXP)):
        total = total * r + _EXP[len(_EXP) - 1 - i]
    power = (float_to_bits(shifted) - _SHIFTER_BITS + _EXPONENT_ONE) << _FRACTION
    inside: float = total * bits_to_float(power)
    return 0.0 if x < _LEAST else np.inf if x > _GREATEST else inside


@compiled_fused
def log_of_normal(x: float) -> float:
    """Return the natural logarithm of a positive normal number."""
    moved = float_to_bits(x) - _SQRT_HALF + (_EXPONENT_ONE << _FRACTION)
    exponent = bits_to_float((moved >> _FRACTION) + _SHIFTER_BITS) - (_SHIFTER + 1023.0)
    fraction = bits_to_float((moved & _FRACTION_BITS) + _SQRT_HALF)
    s = (fraction - 1.0) / (fraction + 1.0)
    square, total = s * s, 0.0
    for i in range(len(_LOG)):
        total = total * square + _LOG[len(_LOG) - 1 - i]
    found: float = exponent * _LN2_HIGH + (2.0 * s + (s * square * total + exponent * _LN2_LOW))
    return found


@compiled_fused
def normal_tail(x: float, density: float) -> float:
    """Return the normal distribution function at ``-abs(x)``, given ``density = exp(-x * x / 2)``."""
    z = min(abs(x), _FARTHEST) + _POLE
    inverse = 1.0 / z  # once: a division is the slowest operation here
    u = _TAIL_A - _TAIL_B * inverse
    square, even, odd = u * u, 0.0, 0.0  # two chains of half the length
    for i in range(len(_TAIL) // 2):
        odd = odd * square + _TAIL[len(_TAIL) - 1 - 2 * i]
        even = even * square + _TAIL[len(_TAIL) - 2 - 2 * i]
    return density * (even + odd * u) * inverse
