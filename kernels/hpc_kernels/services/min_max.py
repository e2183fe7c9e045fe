"""Min-max scaling: every signal stretched onto one interval."""

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Scalar, as_signals
from hpc_kernels.compiled import compiled, compiled_any_order
from hpc_kernels.perforation import fill_between


def min_max(signals: ArrayLike, *, low: float = 0.0, high: float = 1.0, stride: int = 1) -> Array:
    """Scale each signal to ``low + (x - min)/(max - min) (high - low)``.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Finite values in the signal's own unit; float32 is computed in single precision,
        everything else in double.
    low, high : float
        Where the minimum and the maximum go. A signal whose samples are all equal becomes `low`.
    stride : int
        Perforation: samples 0, stride, 2 stride ... are computed (the extremes are taken only
        there), the others interpolated linearly.

    Returns
    -------
    ndarray, shape (signals, samples)
        Of the precision of the input, without a unit.

    Raises
    ------
    ValueError
        If there is no sample.

    Notes
    -----
    The formula is the one of scikit-learn's ``minmax_scale``, which treats ranges below ten
    machine epsilons as constant; here only an exactly constant signal is.

    Examples
    --------
    >>> min_max([[2.0, 4.0, 3.0]])
    array([[0. , 1. , 0.5]])
    """
    x = as_signals(signals)
    out = np.empty_like(x)
    for row, scaled in zip(x, out, strict=True):
        _scale(row, scaled, x.dtype.type(low), x.dtype.type(high), stride)
    return out


@compiled_any_order
def _extremes(x: Array) -> tuple[Scalar, Scalar]:
    least = greatest = x[0]
    for t in range(len(x)):
        least = min(least, x[t])
        greatest = max(greatest, x[t])
    return least, greatest


@compiled
def _scale(x: Array, out: Array, low: Scalar, high: Scalar, stride: int) -> None:
    least, greatest = _extremes(x if stride == 1 else x[::stride].copy())
    extent, height, half = greatest - least, high - low, x.dtype.type(0.5)
    if extent == 0:
        out[:] = low
    elif np.isinf(extent):  # the range itself is beyond the largest number
        extent = greatest * half - least * half
        for t in range(0, len(x), stride):
            out[t] = low + (x[t] * half - least * half) / extent * height
    else:
        for t in range(0, len(x), stride):
            out[t] = low + (x[t] - least) / extent * height
    if stride > 1:
        fill_between(out, stride)
