"""Magnitude spectrum: the absolute value of the unnormalised discrete Fourier transform."""

from collections.abc import Callable
from typing import Any, Literal

import ducc0
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels.arrays import Array, as_signals, output_array
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics import bluestein

Spectrum = Literal["full", "half"]
Window = Literal["none", "hann", "hamming", "blackman"]

# ducc0 transforms several signals at once in vector registers, and a single signal by another algorithm with
# other last bits. Whole groups of this size are transformed, so that the result of a signal does not depend
# on the others of its block, hence not on ranks and threads.
SIGNALS_PER_TRANSFORM = 4
_CELLS_AT_A_TIME = 1 << 19  # per pass, so that spectra are still in the caches for their magnitudes

# Coefficients of the cosine sums a0 - a1 cos + a2 cos, as in Harris (1978), exact Hamming 0.54.
_COSINES: dict[Window, tuple[float, float, float]] = {
    "hann": (0.5, 0.5, 0.0),
    "hamming": (0.54, 0.46, 0.0),
    "blackman": (0.42, 0.5, 0.08),
}


def fft(
    signals: ArrayLike, *, spectrum: Spectrum = "full", window: Window = "none", out: Array | None = None
) -> Array:
    """Return ``abs(X[k])``, ``X[k] = sum_t w[t] x[t] exp(-2 pi i k t / n)``, of each signal.

    Parameters
    ----------
    signals : array_like, shape (signals, samples) or (samples,)
        Any number of samples; float32 is computed in single precision, everything else in double.
    spectrum : {"full", "half"}
        All `n` bins, or the ``n // 2 + 1`` of non-negative frequency.
    window : {"none", "hann", "hamming", "blackman"}
        Periodic window, not compensated for its gain.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

    Returns
    -------
    ndarray, shape (signals, bins)
        Magnitudes in the signal's unit, of the precision of the input.

    Raises
    ------
    ValueError
        If there is no sample.

    Notes
    -----
    The transform is ducc0's mixed-radix FFT, within Bluestein's chirp transform for long prime lengths;
    the upper half follows from the symmetry of a real signal's spectrum.

    Examples
    --------
    >>> fft([1.0, 0.0, -1.0, 0.0])
    array([[0., 2., 0., 2.]])
    """
    x = as_signals(signals)
    n = x.shape[1]
    out = output_array((len(x), n if spectrum == "full" else n // 2 + 1), x.dtype, out)
    weights = None if window == "none" else _window(window, n).astype(x.dtype)
    step = max(1, min(len(x), _CELLS_AT_A_TIME // n) // SIGNALS_PER_TRANSFORM) * SIGNALS_PER_TRANSFORM
    half_spectra = _half_spectra(n, step, x.dtype)
    for start in range(0, len(x), step):
        spectra = half_spectra(_in_groups(x[start : start + step], weights))
        _write_magnitudes(spectra.view(x.dtype), n // 2 + 1, out[start : start + step])
    return out


def frequencies(samples: int, sampling_rate: float, spectrum: Spectrum = "full") -> NDArray[np.float64]:
    """Return the frequency ``k sampling_rate / samples`` of every bin, in the unit of the rate."""
    bins = samples if spectrum == "full" else samples // 2 + 1
    return np.arange(bins, dtype=np.float64) * np.float64(sampling_rate / samples)


def _window(window: Window, n: int) -> NDArray[np.float64]:
    if n == 1:  # as SciPy: a single sample is not tapered
        return np.ones(1)
    a0, a1, a2 = _COSINES[window]
    phase = 2 * np.pi * np.arange(n) / n
    return np.asarray(a0 - a1 * np.cos(phase) + a2 * np.cos(2 * phase))


def _half_spectra(samples: int, rows: int, kind: np.dtype[Any]) -> Callable[[Array], bluestein.Complex]:
    """Return a function that transforms at most `rows` signals into rows that begin with their bins."""
    if bluestein.is_faster(samples):
        return bluestein.plan_half_spectra(samples, rows, SIGNALS_PER_TRANSFORM, kind)
    room = np.empty((rows, samples // 2 + 1), np.result_type(kind, np.complex64))
    return lambda x: ducc0.fft.r2c(x, axes=(1,), out=room[: len(x)])


def _in_groups(x: Array, weights: Array | None) -> Array:
    """Return the weighted signals, padded with signals of zeros to whole groups."""
    missing = -len(x) % SIGNALS_PER_TRANSFORM
    if weights is not None:
        x = x * weights
    return np.concatenate([x, np.zeros((missing, x.shape[1]), x.dtype)]) if missing else x


@compiled
def _write_magnitudes(parts: Array, bins: int, out: Array) -> None:
    for i in range(len(out)):
        _magnitude(parts[i], out[i, :bins])
        _mirror(out[i, 1:], out[i, bins:])


@compiled
def _magnitude(parts: Array, out: Array) -> None:
    """Write the absolute values of interleaved (re, im) `parts`."""
    for k in range(len(out)):
        out[k] = np.sqrt(parts[2 * k] * parts[2 * k] + parts[2 * k + 1] * parts[2 * k + 1])
    # beyond these bounds the squares underflow or overflow
    tiny, huge = (1e-140, 1e140) if parts.itemsize == 8 else (1e-15, 1e15)  # noqa: PLR2004
    ordinary = 0
    for k in range(len(out)):
        ordinary += (tiny < out[k]) & (out[k] < huge)
    if ordinary < len(out):
        for k in range(len(out)):
            if not tiny < out[k] < huge:
                out[k] = np.hypot(parts[2 * k], parts[2 * k + 1])


@compiled
def _mirror(lower: Array, upper: Array) -> None:
    for k in range(len(upper)):
        upper[k] = lower[len(upper) - 1 - k]
