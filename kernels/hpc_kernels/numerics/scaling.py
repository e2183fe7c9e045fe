"""Exact scaling of signals by a power of two: sums of their squares neither overflow nor underflow."""

import math

import numpy as np

from hpc_kernels.arrays import Array, Labels

_USUAL = {4: 40, 8: 400}  # exponents by size of the float in bytes: the squares are normal numbers


def scaling_exponent(*signals: Array) -> int:
    """Return the exponent of the largest magnitude in the signals; 0 if no scaling is needed."""
    largest = max(float(np.abs(extreme)) for x in signals for extreme in (x.min(), x.max()))
    power = math.frexp(largest)[1]
    return 0 if largest == 0 or abs(power) <= _USUAL[signals[0].itemsize] else power


def scaling_exponents(rows: Array, beside: Array) -> Labels:
    """Return, for each row, its `scaling_exponent` beside another signal."""
    largest = np.maximum(np.maximum(rows.max(axis=1), -rows.min(axis=1)), np.abs(beside).max())
    powers = np.frexp(largest)[1].astype(np.int64)
    return np.where((largest == 0) | (np.abs(powers) <= _USUAL[rows.itemsize]), 0, powers)


def scale_down(signals: Array, power: int) -> Array:
    """Return the signals divided by ``2**power``, without rounding."""
    return np.ldexp(signals, -power) if power else signals
