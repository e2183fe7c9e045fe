"""Exact scaling of signals by a power of two: sums of their squares neither overflow nor underflow."""

import math

import numpy as np

from hpc_kernels.arrays import Array

_USUAL = {4: 40, 8: 400}  # exponents by size of the float in bytes: the squares are normal numbers


def scaling_exponent(*signals: Array) -> int:
    """Return the exponent of the largest magnitude in the signals; 0 if no scaling is needed."""
    largest = max(float(np.abs(extreme)) for x in signals for extreme in (x.min(), x.max()))
    power = math.frexp(largest)[1]
    return 0 if largest == 0 or abs(power) <= _USUAL[signals[0].itemsize] else power


def scale_down(signals: Array, power: int) -> Array:
    """Return the signals divided by ``2**power``, without rounding."""
    return np.ldexp(signals, -power) if power else signals
