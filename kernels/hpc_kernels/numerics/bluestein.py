"""Bluestein's FFT for long signals of prime length: the lower half of the spectrum, up to a phase factor.

By ``k t = (k**2 + t**2 - (k - t)**2) / 2`` the transform is a convolution with the chirp
``exp(-i pi t**2 / n)``, computed by transforms of a composite length. The last factor has magnitude 1 and
is omitted, as magnitudes alone are used; the lower half needs 3/2 in place of 2 times the signal's length.

L. I. Bluestein, "A linear filtering approach to the computation of discrete Fourier transform" (1970).
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import ducc0
import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array

Complex = NDArray[np.complexfloating[Any, Any]]
_SHORTEST = 1 << 13  # measured


def is_faster(samples: int) -> bool:
    """Return whether this transform is faster than that of ducc0: for long signals of prime length."""
    return samples >= _SHORTEST and all(samples % factor for factor in range(2, math.isqrt(samples) + 1))


def plan_half_spectra(samples: int, rows: int, group: int, kind: np.dtype[Any]) -> Callable[[Array], Complex]:
    """Return a function that transforms signals into half spectra, up to a factor of magnitude 1.

    Parameters
    ----------
    samples : int
        Samples of a signal.
    rows : int
        Signals that one call transforms, at most.
    group : int
        Signals that ducc0 transforms at once; their number changes the last bits of a result.
    kind : dtype
        float32 or float64.

    Returns
    -------
    callable
        From signals (rows, samples) to rows that begin with ``samples // 2 + 1`` bins; the next call
        overwrites them.
    """
    complex_kind = np.result_type(kind, np.complex64)
    down, response = (values.astype(complex_kind) for values in _chirp(samples))
    room = np.empty((rows, len(response)), complex_kind)

    def spectra(x: Array) -> Complex:
        for start in range(0, len(x), group):
            some = slice(start, start + group)
            work = room[some]
            np.multiply(x[some], down, out=work[:, :samples])
            work[:, samples:] = 0
            ducc0.fft.c2c(work, axes=(1,), out=work)
            work *= response
            ducc0.fft.c2c(work, axes=(1,), forward=False, out=work)
        return room[: len(x)]

    return spectra


@lru_cache(maxsize=4)
def _chirp(samples: int) -> tuple[Complex, Complex]:
    """Return ``exp(-i pi t**2 / samples)`` and the response of the convolution with its conjugate."""
    t, bins = np.arange(samples), samples // 2 + 1
    down = np.exp(-1j * np.pi * (t * t % (2 * samples)) / samples)
    length = ducc0.fft.good_size(samples + bins - 1)
    up = np.zeros(length, np.complex128)
    up[:bins] = down[:bins].conj()
    up[length - samples + 1 :] = down[:0:-1].conj()
    return down, ducc0.fft.c2c(up) / length
