"""Signals brought to where squares and sums of them are numbers: by a power of two, which is exact."""

import math

import numpy as np

from hpc_kernels.arrays import Array

_USUAL = {4: 40, 8: 400}  # powers of two, per bytes of a float, whose squares are normal numbers still


def scaling_exponent(*signals: Array) -> int:
    """Return the power of two of the largest magnitude; 0 where it is a usual one."""
    largest = max(float(np.abs(extreme)) for x in signals for extreme in (x.min(), x.max()))
    power = math.frexp(largest)[1]
    return 0 if largest == 0 or abs(power) <= _USUAL[signals[0].itemsize] else power


def scale_down(signals: Array, power: int) -> Array:
    """Return the signals divided by ``2**power``."""
    return np.ldexp(signals, -power) if power else signals
