"""Min-max scaling of every signal onto one interval."""

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Scalar, as_signals, output_array
from hpc_kernels.jit.decorators import compiled, compiled_any_order
from hpc_kernels.numerics.perforation import interpolate_skipped


def min_max(
    signals: ArrayLike, *, low: float = 0.0, high: float = 1.0, stride: int = 1, out: Array | None = None
) -> Array:
    """Scale each signal to ``low + (x - min)/(max - min) (high - low)``.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Finite values in the signal's own unit; float32 is computed in single precision,
        everything else in double.
    low, high : float
        Results of the minimum and the maximum. A signal of equal samples becomes `low`.
    stride : int
        Perforation: samples 0, stride, 2 stride ... are computed (the extremes are taken only
        there), the others interpolated linearly.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

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
    machine epsilons as constant; here an exactly constant signal alone is.

    Examples
    --------
    >>> min_max([[2.0, 4.0, 3.0]])
    array([[0. , 1. , 0.5]])
    """
    x = as_signals(signals)
    out, ends = output_array(x.shape, x.dtype, out), (x.dtype.type(low), x.dtype.type(high))
    if stride == 1:
        _scale(x, out, *ends)
    else:
        _scale(x[:, ::stride], out[:, ::stride], *ends)
        interpolate_skipped(out, stride)
    return out


@compiled
def _scale(x: Array, out: Array, low: Scalar, high: Scalar) -> None:
    for i in range(len(x)):
        least, greatest = _extremes(x[i])
        _stretch(x[i], out[i], least, greatest, low, high)


@compiled_any_order
def _extremes(x: Array) -> tuple[Scalar, Scalar]:
    least, greatest = x[0], x[0]
    for t in range(len(x)):
        least = x[t] if x[t] < least else least  # noqa: FURB136 (`min` handles nan, which costs vectorisation)
        greatest = x[t] if x[t] > greatest else greatest  # noqa: FURB136
    zero = x.dtype.type(0)  # the search may return -0 or 0
    return least + zero, greatest + zero


@compiled
def _stretch(x: Array, out: Array, least: Scalar, greatest: Scalar, low: Scalar, high: Scalar) -> None:
    extent, height, half = greatest - least, high - low, x.dtype.type(0.5)
    if extent == 0:
        out[:] = low
    elif np.isinf(extent):  # the range itself overflows
        extent = greatest * half - least * half
        for t in range(len(x)):
            out[t] = low + (x[t] * half - least * half) / extent * height
    else:
        for t in range(len(x)):
            out[t] = low + (x[t] - least) / extent * height
