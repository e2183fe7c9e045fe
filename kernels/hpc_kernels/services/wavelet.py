"""Wavelet denoising: decompose, shrink the details, put the signal together again."""

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Scalar, as_signals, room
from hpc_kernels.compiled import compiled
from hpc_kernels.convolution import BLOCK

_CELLS_TOGETHER = 1 << 16  # of signals denoised at a time: they and their parts stay in the caches
_GAUSSIAN_MEDIAN = 0.6745  # median of |d| of a standard normal d
Threshold = Literal["universal"] | float


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
        Where the result is written, in place of a new array of its shape and precision.

    Returns
    -------
    ndarray, shape (signals, samples)
        In the signal's unit, of the precision of the input.

    Raises
    ------
    ValueError
        If there is no sample or no such wavelet.

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
    out, bank = room(x.shape, x.dtype, out), filter_bank(wavelet)
    levels = deepest_level(x.shape[1], len(bank.low)) if level is None else level
    if levels == 0:
        text = f"wavelet: no level of {wavelet} on {x.shape[1]} samples: the signals are returned unchanged"
        warnings.warn(text, stacklevel=2)
        out[:] = x
        return out
    typed = FilterBank(
        *(taps.astype(x.dtype) for taps in (bank.low, bank.high, bank.low_back, bank.high_back))
    )
    together = max(1, _CELLS_TOGETHER // x.shape[1])
    for start in range(0, len(x), together):
        some = slice(start, start + together)
        _denoise(x[some], out[some], typed, levels, threshold, int(mode == "soft"))
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


def deepest_level(samples: int, taps: int) -> int:
    """Return how often a signal can be halved before it is shorter than the filter."""
    if samples < taps - 1:
        return 0
    return (samples // (taps - 1)).bit_length() - 1


def _denoise(x: Array, out: Array, bank: FilterBank, levels: int, threshold: Threshold, soft: int) -> None:  # noqa: PLR0917 (a step of `wavelet`)
    approximation, details = x, []
    for _ in range(levels):
        approximation, detail = _analysed(approximation, bank)
        details.append(detail)
    if threshold == "universal":
        limits = _universal(details[0], x.shape[1]).astype(x.dtype)
    else:
        limits = np.full(len(x), threshold, x.dtype)
    sums = np.empty((2, BLOCK), x.dtype)
    for level in reversed(range(levels)):
        signal = np.empty_like(details[level - 1]) if level else out
        _put_together(
            approximation, details[level], bank.low_back, bank.high_back, limits, soft, signal, sums
        )
        approximation = signal


def _universal(finest: Array, samples: int) -> Array:
    """Return the threshold of each signal from its finest details."""
    sizes, middle = np.abs(finest), finest.shape[1] // 2
    sizes.partition(middle, axis=1)
    medians = sizes[:, middle].astype(np.float64)
    if sizes.shape[1] % 2 == 0:
        medians = (medians + sizes[:, :middle].max(axis=1)) / 2
    return np.asarray(medians / _GAUSSIAN_MEDIAN * math.sqrt(2 * math.log(samples)))


def _analysed(x: Array, bank: FilterBank) -> tuple[Array, Array]:
    """Return the low-pass and the high-pass halves of signals."""
    taps = len(bank.low)
    count = (x.shape[1] + taps - 1) // 2
    low, high = np.empty((2, len(x), count), x.dtype)
    _take_apart(x, bank.low, bank.high, low, high, np.empty((2, count + taps // 2), x.dtype))
    return low, high


@compiled
def _take_apart(  # noqa: PLR0917 (Numba knows no keyword-only)
    x: Array, low_taps: Array, high_taps: Array, low: Array, high: Array, halves: Array
) -> None:
    for i in range(len(x)):
        _split(x[i], len(low_taps) - 1, halves)
        _halve(halves, low_taps, low[i])
        _halve(halves, high_taps, high[i])


@compiled
def _split(x: Array, reach: int, halves: Array) -> None:
    """Write the even and the odd samples of the signal mirrored half a sample beyond its ends.

    The mirrored signal begins `reach` samples, an odd number, before the signal.
    """
    n, width, before = len(x), halves.shape[1], (reach + 1) // 2
    for parity in range(2):
        half, shift = halves[parity], parity - reach
        end = max(before, min(width, (n - 1 - shift) // 2 + 1))
        for k in range(before):
            half[k] = x[_mirrored(2 * k + shift, n)]
        for k in range(before, end):
            half[k] = x[2 * k + shift]
        for k in range(end, width):
            half[k] = x[_mirrored(2 * k + shift, n)]


@compiled
def _mirrored(t: int, n: int) -> int:
    return min(t % (2 * n), (-1 - t) % (2 * n))


@compiled
def _halve(halves: Array, taps: Array, out: Array) -> None:
    """Write ``out[k] = sum_j taps[j] mirrored[2k + len(taps) - j]``, added in the order of `j`."""
    half = len(taps) // 2
    for start in range(0, len(out), BLOCK):
        sums = out[start : start + BLOCK]
        size = len(sums)
        sums[:] = 0
        for j in range(half):
            first = start + half - j
            a, b = taps[2 * j], taps[2 * j + 1]
            even, odd = halves[0, first : first + size], halves[1, first - 1 : first - 1 + size]
            for k in range(size):
                sums[k] = sums[k] + a * even[k] + b * odd[k]


@compiled
def _put_together(  # noqa: PLR0917 (likewise)
    low: Array,
    high: Array,
    low_taps: Array,
    high_taps: Array,
    limits: Array,
    soft: int,
    out: Array,
    sums: Array,
) -> None:
    for i in range(len(out)):
        _shrink(high[i], limits[i], soft)
        _synthesise(low[i], high[i], low_taps, high_taps, out[i], sums)


@compiled
def _synthesise(  # noqa: PLR0917 (likewise)
    low: Array, high: Array, low_taps: Array, high_taps: Array, out: Array, sums: Array
) -> None:
    """Write the signal of which `low` and `high` are the halves: even and odd samples by turns."""
    half, pairs = len(low_taps) // 2, (len(out) + 1) // 2
    for start in range(0, pairs, BLOCK):
        size = min(BLOCK, pairs - start)
        sums[:] = 0
        for j in range(half):
            first = start + half - 1 - j
            a, d = low[first : first + size], high[first : first + size]
            for parity in range(2):
                p, q, row = low_taps[2 * j + parity], high_taps[2 * j + parity], sums[parity, :size]
                for k in range(size):
                    row[k] = row[k] + p * a[k] + q * d[k]
        whole = min(size, len(out) // 2 - start)
        for k in range(whole):
            out[2 * (start + k)] = sums[0, k]
            out[2 * (start + k) + 1] = sums[1, k]
        if whole < size:
            out[len(out) - 1] = sums[0, whole]


@compiled
def _shrink(detail: Array, limit: Scalar, soft: int) -> None:
    for k in range(len(detail)):
        size = abs(detail[k])
        if size < limit:
            detail[k] = 0
        elif soft:
            detail[k] = math.copysign(size - limit, detail[k])
