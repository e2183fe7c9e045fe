"""Wavelet denoising: decomposition, thresholding of the details, reconstruction."""

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels.arrays import Array, Scalar, as_signals, output_array
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics.convolution import OUTPUT_BLOCK

_CELLS_TOGETHER = 1 << 16  # cells per pass: signals and their coefficients stay in the caches
_GAUSSIAN_MEDIAN = 0.6745  # median of |d| of a standard normal d
Threshold = Literal["universal"] | float
Sizes = NDArray[np.int64]


def wavelet(
    signals: ArrayLike,
    *,
    wavelet: str = "db4",
    level: int | None = None,
    threshold: Threshold = "universal",
    mode: Literal["soft", "hard"] = "soft",
    out: Array | None = None,
) -> Array:
    """Denoise each signal: threshold all detail coefficients of its discrete wavelet transform.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Finite values; float32 is computed in single precision, everything else in double.
    wavelet : str
        Name of a discrete wavelet of PyWavelets: "haar", "db4", "sym8", "bior2.2" ...
    level : int, optional
        Levels of decomposition; by default as many as the length allows. At level 0 the signal
        is returned unchanged, with a warning.
    threshold : "universal" or float
        A number of at least 0 in the signal's unit, or ``sigma sqrt(2 ln n)`` with
        ``sigma = median(abs(d)) / 0.6745`` over the finest details ``d``.
    mode : {"soft", "hard"}
        Soft draws all coefficients towards 0 by the threshold; hard clears those below it.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

    Returns
    -------
    ndarray, shape (signals, samples)
        In the signal's unit, of the precision of the input.

    Raises
    ------
    ValueError
        If there is no sample or PyWavelets has no wavelet of the name.

    Notes
    -----
    D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage" (1994). The
    signal is extended symmetrically at its ends; sums are taken in PyWavelets' order.

    Examples
    --------
    >>> wavelet([1.0, 1.0, 5.0, 5.0], wavelet="haar", level=1, threshold=0.5)
    array([[1., 1., 5., 5.]])
    """
    x = as_signals(signals)
    out, bank = output_array(x.shape, x.dtype, out), filter_bank(wavelet)
    levels = max_level(x.shape[1], len(bank.low)) if level is None else level
    if levels == 0:
        text = f"wavelet: no level of {wavelet} on {x.shape[1]} samples: the signals are returned unchanged"
        warnings.warn(text, stacklevel=2)
        out[:] = x
        return out
    together = max(1, _CELLS_TOGETHER // x.shape[1])
    for start in range(0, len(x), together):
        some = slice(start, start + together)
        _denoise(x[some], out[some], bank, levels, threshold, int(mode == "soft"))
    return out


@dataclass(frozen=True)
class FilterBank:
    """The four filters of a wavelet: decomposition low and high pass, reconstruction low and high pass."""

    low: Array
    high: Array
    low_back: Array
    high_back: Array


def filter_bank(name: str) -> FilterBank:
    """Return the filters of the wavelet `name`."""
    import pywt  # noqa: PLC0415 (lazy: only this service needs it)

    return FilterBank(*(np.array(taps) for taps in pywt.Wavelet(name).filter_bank))


def max_level(samples: int, taps: int) -> int:
    """Return the number of times that a signal can be halved before it is shorter than the filter."""
    if samples < taps - 1:
        return 0
    return (samples // (taps - 1)).bit_length() - 1


def _denoise(x: Array, out: Array, bank: FilterBank, levels: int, threshold: Threshold, soft: int) -> None:
    taps = len(bank.low)
    sizes = _sizes(x.shape[1], taps, levels)
    parts = np.empty((len(x), 2 * sizes[1:].sum()), x.dtype)
    sums, room = np.empty(2 * OUTPUT_BLOCK, x.dtype), np.empty((2, OUTPUT_BLOCK + taps // 2), x.dtype)
    weights = np.array([bank.low[::2], bank.low[1::2], bank.high[::2], bank.high[1::2]], x.dtype)
    _take_apart(x, weights, sizes, parts, room, sums)
    if threshold == "universal":
        limits = _universal(parts[:, sizes[1] : 2 * sizes[1]], x.shape[1]).astype(x.dtype)
    else:
        limits = np.full(len(x), threshold, x.dtype)
    low, high = bank.low_back, bank.high_back
    weights = np.array([low[::2], high[::2], low[1::2], high[1::2]], x.dtype)
    _put_together(parts, weights, sizes, limits, soft, out, sums)


def _sizes(samples: int, taps: int, levels: int) -> Sizes:
    """Return the samples of the signal and of its approximation at each level."""
    sizes = [samples]
    for _ in range(levels):
        sizes.append((sizes[-1] + taps - 1) // 2)
    return np.array(sizes)


def _universal(finest: Array, samples: int) -> Array:
    """Return the threshold of each signal from its finest details."""
    sizes, middle = np.abs(finest), finest.shape[1] // 2
    sizes.partition(middle, axis=1)
    medians = sizes[:, middle].astype(np.float64)
    if sizes.shape[1] % 2 == 0:
        medians = (medians + sizes[:, :middle].max(axis=1)) / 2
    return np.asarray(medians / _GAUSSIAN_MEDIAN * math.sqrt(2 * math.log(samples)))


@compiled
def _take_apart(x: Array, weights: Array, sizes: Sizes, parts: Array, room: Array, sums: Array) -> None:
    """Write the coefficients of each signal from the finest level on: approximation, then details."""
    for i in range(len(x)):
        start, signal = 0, x[i]
        for level in range(1, len(sizes)):
            count = sizes[level]
            low, high = parts[i][start : start + count], parts[i][start + count : start + 2 * count]
            _analyse(signal, weights, low, high, room, sums)
            start, signal = start + 2 * count, low


@compiled
def _analyse(x: Array, weights: Array, low: Array, high: Array, room: Array, sums: Array) -> None:
    """Write ``low[k] = sum_j taps[j] mirrored[2k + len(taps) - j]``, and `high` with its taps.

    Terms are added in the order of `j`.
    """
    half = weights.shape[1]
    for start in range(0, len(low), OUTPUT_BLOCK):
        size = min(OUTPUT_BLOCK, len(low) - start)
        even, odd = room[0][: size + half], room[1][: size + half]
        _split(x, 2 * half - 1, start, even, odd)
        sums[:] = 0
        _add_pairs(even[1:], odd, weights, size, sums)
        low_part, high_part = low[start : start + size], high[start : start + size]
        for k in range(size):
            low_part[k], high_part[k] = sums[k], sums[OUTPUT_BLOCK + k]


@compiled
def _split(x: Array, reach: int, start: int, even: Array, odd: Array) -> None:
    """Write pairs, from number `start` on, of the signal mirrored half a sample beyond its ends.

    The mirrored signal begins `reach` samples, an odd number, before the signal.
    """
    n, before, width = len(x), (reach + 1) // 2, len(even)
    first = min(max(before - start, 0), width)  # the first pair that lies within the signal, and the end
    last = max(min(before + (n - 1) // 2 - start, width), first)
    for k in range(first):
        t = 2 * (start + k) - reach
        even[k], odd[k] = x[_mirrored(t, n)], x[_mirrored(t + 1, n)]
    if first < last:
        _deal_out(x[2 * (start + first) - reach :], even[first:last], odd[first:last])
    for k in range(last, width):
        t = 2 * (start + k) - reach
        even[k], odd[k] = x[_mirrored(t, n)], x[_mirrored(t + 1, n)]


@compiled
def _deal_out(x: Array, even: Array, odd: Array) -> None:
    for k in range(len(even)):
        even[k] = x[2 * k]
        odd[k] = x[2 * k + 1]


@compiled
def _mirrored(t: int, n: int) -> int:
    return min(t % (2 * n), (-1 - t) % (2 * n))


@compiled
def _add_pairs(x: Array, y: Array, weights: Array, size: int, sums: Array) -> None:
    """Add ``weights[0, j] x[k + last - j]`` and ``weights[1, j] y[k + last - j]``, by turns, to ``sums[k]``.

    The same loads serve `weights` 2 and 3, which are added to ``sums[OUTPUT_BLOCK + k]``.
    """
    half, j = weights.shape[1], 0
    while j + 4 <= half:
        _add_four_pairs(x[half - 4 - j :], y[half - 4 - j :], weights[:, j : j + 4], size, sums)
        j += 4
    while j < half:
        a, b, c, d = weights[0, j], weights[1, j], weights[2, j], weights[3, j]
        u, v = x[half - 1 - j :], y[half - 1 - j :]
        for k in range(size):
            sums[k] = sums[k] + a * u[k] + b * v[k]
            sums[OUTPUT_BLOCK + k] = sums[OUTPUT_BLOCK + k] + c * u[k] + d * v[k]
        j += 1


@compiled
def _add_four_pairs(x: Array, y: Array, weights: Array, size: int, sums: Array) -> None:
    a0, a1, a2, a3 = weights[0, 0], weights[0, 1], weights[0, 2], weights[0, 3]
    b0, b1, b2, b3 = weights[1, 0], weights[1, 1], weights[1, 2], weights[1, 3]
    c0, c1, c2, c3 = weights[2, 0], weights[2, 1], weights[2, 2], weights[2, 3]
    d0, d1, d2, d3 = weights[3, 0], weights[3, 1], weights[3, 2], weights[3, 3]
    x0, x1, x2, y0, y1, y2 = x[3:], x[2:], x[1:], y[3:], y[2:], y[1:]
    for k in range(size):
        two = sums[k] + a0 * x0[k] + b0 * y0[k] + a1 * x1[k] + b1 * y1[k]
        sums[k] = two + a2 * x2[k] + b2 * y2[k] + a3 * x[k] + b3 * y[k]
        two = sums[OUTPUT_BLOCK + k] + c0 * x0[k] + d0 * y0[k] + c1 * x1[k] + d1 * y1[k]
        sums[OUTPUT_BLOCK + k] = two + c2 * x2[k] + d2 * y2[k] + c3 * x[k] + d3 * y[k]


@compiled
def _put_together(
    parts: Array, weights: Array, sizes: Sizes, limits: Array, soft: int, out: Array, sums: Array
) -> None:
    """Write each signal from its coefficients, the coarsest level first; the coefficients are overwritten."""
    for i in range(len(out)):
        end = parts.shape[1]
        for level in range(len(sizes) - 1, 0, -1):
            count = sizes[level]
            low, high = parts[i][end - 2 * count : end - count], parts[i][end - count : end]
            end -= 2 * count
            _shrink(high, limits[i], soft)
            finer = sizes[level - 1]
            signal = out[i] if level == 1 else parts[i][end - 2 * finer : end - finer]
            _synthesise(low, high, weights, signal, sums)


@compiled
def _synthesise(low: Array, high: Array, weights: Array, out: Array, sums: Array) -> None:
    """Write the signal of which `low` and `high` are the halves: even and odd samples by turns."""
    pairs = (len(out) + 1) // 2
    for start in range(0, pairs, OUTPUT_BLOCK):
        size = min(OUTPUT_BLOCK, pairs - start)
        sums[:] = 0
        _add_pairs(low[start:], high[start:], weights, size, sums)
        whole, written = min(size, len(out) // 2 - start), out[2 * start :]
        for k in range(whole):
            written[2 * k] = sums[k]
            written[2 * k + 1] = sums[OUTPUT_BLOCK + k]
        if whole < size:
            out[len(out) - 1] = sums[whole]


@compiled
def _shrink(detail: Array, limit: Scalar, soft: int) -> None:
    zero = detail.dtype.type(0)
    if soft:
        for k in range(len(detail)):
            size = abs(detail[k])
            detail[k] = zero if size < limit else math.copysign(size - limit, detail[k])
    else:
        for k in range(len(detail)):
            detail[k] = zero if abs(detail[k]) < limit else detail[k]
