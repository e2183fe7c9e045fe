"""Savitzky-Golay smoothing: least-squares fit of a polynomial around every sample."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels.arrays import Array, as_signals, output_array
from hpc_kernels.errors import UnfitSignalError
from hpc_kernels.numerics.convolution import OUTPUT_BLOCK, correlate
from hpc_kernels.numerics.perforation import interpolate_skipped

Mode = Literal["nearest", "interp", "mirror", "wrap", "constant"]
Taps = NDArray[np.float64]


def savitzky_golay(
    signals: ArrayLike,
    *,
    window_length: int = 11,
    polyorder: int = 3,
    deriv: int = 0,
    delta: float = 1.0,
    mode: Mode = "nearest",
    stride: int = 1,
    out: Array | None = None,
) -> Array:
    """Return the value (or a derivative) at every sample of the polynomial fitted around it.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Finite values; the sums are kept in double precision for either type of input.
    window_length : int
        Samples in a window, odd.
    polyorder : int
        Degree of the polynomial, below `window_length`.
    deriv : int
        Order of the derivative, 0 for smoothing.
    delta : float
        Distance between samples, above 0; derivatives are per ``delta ** deriv``.
    mode : {"nearest", "interp", "mirror", "wrap", "constant"}
        Extension beyond the ends: the last sample, none (the polynomials of the first and last
        whole window are evaluated), the signal mirrored about its last sample, the signal again,
        or zeros.
    stride : int
        Perforation: samples 0, stride, 2 stride ... are computed, those between interpolated.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

    Returns
    -------
    ndarray, shape (signals, samples)
        In the signal's unit per ``delta ** deriv``, of the precision of the input.

    Raises
    ------
    ValueError
        If there is no sample, `window_length` is even or not above `polyorder`, or mode
        "interp" has fewer samples than a window.

    Notes
    -----
    A. Savitzky, M. J. E. Golay, Analytical Chemistry 36 (1964) 1627; the same modes and
    results as ``scipy.signal.savgol_filter``.

    Examples
    --------
    >>> savitzky_golay([0.0, 1.0, 4.0, 9.0, 16.0], window_length=3, polyorder=1, deriv=1)
    array([[0.5, 2. , 4. , 6. , 3.5]])
    """
    x = as_signals(signals)
    if window_length % 2 == 0 or polyorder >= window_length:
        raise ValueError(f"window_length must be odd and above polyorder, got {window_length}, {polyorder}")
    if mode == "interp" and x.shape[1] < window_length:
        raise UnfitSignalError(f"mode interp needs {window_length} samples, one window, got {x.shape[1]}")
    unit = delta**deriv if deriv <= polyorder else 1.0  # a higher derivative is 0
    centre = _centre_taps(window_length, polyorder, deriv) / unit
    edges = _taps(window_length, polyorder, deriv) / unit if mode == "interp" else None
    out = output_array(x.shape, x.dtype, out)
    _smooth(x, out, centre, mode)
    if edges is not None:
        _fit_ends(x, out, edges)
    if stride > 1:
        interpolate_skipped(out, stride)
    return out


def _taps(window_length: int, polyorder: int, deriv: int) -> Taps:
    """Return the weights, one row per position in the window at which the polynomial is evaluated."""
    if deriv > polyorder:
        return np.zeros((window_length, window_length))
    half = window_length // 2
    scale = max(half, 1)
    position = np.arange(-half, half + 1) / scale  # scaled, so that the powers have one magnitude
    powers = position[:, np.newaxis] ** np.arange(polyorder + 1)
    q, r = np.linalg.qr(powers)
    order = np.arange(deriv, polyorder + 1)
    factors = np.array([math.perm(k, deriv) for k in order]) / float(scale) ** deriv
    derivatives = np.zeros_like(powers)
    derivatives[:, deriv:] = factors * position[:, np.newaxis] ** (order - deriv)
    return np.asarray(np.linalg.solve(r.T, derivatives.T).T @ q.T)


def _centre_taps(window_length: int, polyorder: int, deriv: int) -> Taps:
    """Return the weights of the middle of the window, from the least-squares problem of the reference.

    For high degrees on long windows that problem is ill-conditioned (its weights on 101 samples
    at degree 8 are off by 5e-4); results agree with the reference there as well.
    """
    if deriv > polyorder:
        return np.zeros(window_length)
    half = window_length // 2
    powers = np.arange(-half, half + 1.0)[::-1] ** np.arange(polyorder + 1)[:, np.newaxis]
    wanted = np.zeros(polyorder + 1)
    wanted[deriv] = math.factorial(deriv)
    taps = np.linalg.lstsq(powers, wanted, rcond=np.finfo(np.float64).eps)[0]
    return np.ascontiguousarray(taps[::-1])


def _smooth(x: Array, out: Array, taps: Taps, mode: Mode) -> None:
    """Smooth inner samples in place, and those near an end on an extended copy."""
    half, n, sums = len(taps) // 2, x.shape[1], np.empty(OUTPUT_BLOCK)
    before, after = _beyond(x, np.arange(-half, 0), mode), _beyond(x, np.arange(n, n + half), mode)
    if n <= 2 * half:
        correlate(_joined(before, x, after), taps, out, 0, sums)
        return
    correlate(x, taps, out, half, sums)
    correlate(_joined(before, x[:, : 2 * half]), taps, out, 0, sums)
    correlate(_joined(x[:, n - 2 * half :], after), taps, out, n - half, sums)


def _joined(*parts: Array) -> Array:
    """Return concatenated signals, always contiguous: other arrays would need other machine code."""
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _fit_ends(x: Array, out: Array, taps: Taps) -> None:
    """Evaluate the polynomials of the first and the last whole window in their outer halves."""
    window_length = len(taps)
    half = window_length // 2
    for row, smoothed in zip(x, out, strict=True):
        smoothed[:half] = taps[:half] @ row[:window_length].astype(np.float64)
        smoothed[len(row) - half :] = taps[window_length - half :] @ row[-window_length:].astype(np.float64)


def _beyond(x: Array, places: NDArray[np.int64], mode: Mode) -> Array:
    """Return the extension of the signals at `places` before or after them."""
    n = x.shape[1]
    if mode == "nearest":
        return x[:, np.clip(places, 0, n - 1)]
    if mode == "wrap":
        return x[:, places % n]
    if mode == "mirror":
        period = max(2 * n - 2, 1)
        return x[:, np.minimum(places % period, -places % period)]
    return np.zeros((len(x), len(places)), x.dtype)
