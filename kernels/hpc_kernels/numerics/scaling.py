"""Exact scaling of signals by a power of two: sums of their squares neither overflow nor underflow."""

import math

import numpy as np

from hpc_kernels.arrays import Array, Labels

_USUAL = {4: 40, 8: 400}  # exponents by size of the float in bytes: the squares are normal numbers


def scaling_exponent(*signals: Array) -> int:
    """Return the exponent of the largest magnitude in the signals; 0 if no scaling is needed."""
    largest = max(float(np.abs(extreme)) for x in signals for extreme in (x.min(), x.max()))
    return 0 if largest == 0 or _is_usual(largest, signals[0].itemsize) else math.frexp(largest)[1]


def scaling_exponents(rows: Array, beside: Array) -> Labels:
    """Return, for each row, its `scaling_exponent` beside another signal."""
    least = float(np.abs(beside).max())
    greatest = max(least, float(rows.max()), -float(rows.min()))
    if _is_usual(least, rows.itemsize) and _is_usual(greatest, rows.itemsize):  # and so is each row
        return np.zeros(len(rows), np.int64)
    largest = np.maximum(np.maximum(rows.max(axis=1), -rows.min(axis=1)), np.abs(beside).max())
    powers = np.frexp(largest)[1].astype(np.int64)
    return np.where((largest == 0) | (np.abs(powers) <= _USUAL[rows.itemsize]), 0, powers)


def _is_usual(largest: float, itemsize: int) -> bool:
    return largest > 0 and abs(math.frexp(largest)[1]) <= _USUAL[itemsize]


def scale_down(signals: Array, power: int) -> Array:
    """Return the signals divided by ``2**power``, without rounding."""
    return np.ldexp(signals, -power) if power else signals
