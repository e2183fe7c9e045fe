"""Scalar random-walk Kalman filter of every signal."""

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, as_signals, output_array
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics.perforation import interpolate_skipped

_TOGETHER = 4  # signals per loop: a single one waits for each of its additions


def kalman(
    signals: ArrayLike,
    *,
    r: float = 10.0,
    q: float = 0.01,
    p0: float = 1.0,
    stride: int = 1,
    out: Array | None = None,
) -> Array:
    """Filter each signal by ``K = P/(P+r)``, ``u += K (x[t]-u)``, ``P = (1-K) P + q``.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Finite values; float32 is computed in single precision, everything else in double.
    r : float
        Variance of the measurement noise, above 0, in the square of the signal's unit.
    q : float
        Variance of the random walk per sample, at least 0.
    p0 : float
        Variance of the estimate before the first sample, at least 0; the estimate itself is `x[0]`.
    stride : int
        Perforation: samples 0, stride, 2 stride ... alone update the filter, those between are
        interpolated linearly.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

    Returns
    -------
    ndarray, shape (signals, samples)
        The estimates ``u`` in the signal's unit, of the precision of the input.

    Raises
    ------
    ValueError
        If there is no sample.

    Notes
    -----
    R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems" (1960), for a
    scalar random walk. The gains do not depend on the data, so all signals share one sequence.

    Examples
    --------
    >>> kalman([0.0, 1.0, 1.0], r=1.0, q=0.0, p0=1.0)
    array([[0.        , 0.33333333, 0.5       ]])
    """
    x = as_signals(signals)
    out = output_array(x.shape, x.dtype, out)
    gains = np.empty((x.shape[1] - 1) // stride + 1)
    _write_gains(float(r), float(q), float(p0), gains)
    _filter(x, out, gains.astype(x.dtype, copy=False), stride)
    if stride > 1:
        interpolate_skipped(out, stride)
    return out


@compiled
def _write_gains(r: float, q: float, p: float, gains: Array) -> None:
    """Write the gain of every update; the sequence is constant once it repeats itself."""
    for t in range(len(gains)):
        gain = p / (p + r)
        gains[t] = gain
        following = (1 - gain) * p + q
        if following == p:
            gains[t:] = gain
            break
        p = following


@compiled
def _filter(x: Array, out: Array, gains: Array, stride: int) -> None:
    grouped = len(x) // _TOGETHER * _TOGETHER
    for i in range(0, grouped, _TOGETHER):
        _filter_four(x[i : i + _TOGETHER], out[i : i + _TOGETHER], gains, stride)
    for i in range(grouped, len(x)):
        u = x[i, 0]
        for k in range(len(gains)):
            u += gains[k] * (x[i, k * stride] - u)
            out[i, k * stride] = u


@compiled
def _filter_four(x: Array, out: Array, gains: Array, stride: int) -> None:
    u0, u1, u2, u3 = x[0, 0], x[1, 0], x[2, 0], x[3, 0]
    for k in range(len(gains)):
        gain, t = gains[k], k * stride
        u0 += gain * (x[0, t] - u0)
        u1 += gain * (x[1, t] - u1)
        u2 += gain * (x[2, t] - u2)
        u3 += gain * (x[3, t] - u3)
        out[0, t], out[1, t], out[2, t], out[3, t] = u0, u1, u2, u3
