"""Spectra of long signals of prime length: Bluestein's chirp transform, for the lower half alone.

``k t = (k**2 + t**2 - (k - t)**2) / 2`` makes of the transform a convolution with a chirp, which transforms
of a friendlier length carry out. Only magnitudes are wanted, so the last factor, of magnitude 1, is left
out; and of a real signal only the lower half, so that the length is 3/2 instead of twice the signal's.

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
    """Return whether a chirp is faster than what the library does: for long signals of prime length."""
    return samples >= _SHORTEST and all(samples % factor for factor in range(2, math.isqrt(samples) + 1))


def plan_half_spectra(samples: int, rows: int, group: int, kind: np.dtype[Any]) -> Callable[[Array], Complex]:
    """Return a function that turns signals (at most `rows`) into spectra up to a factor of magnitude 1.

    The lower half of a spectrum, ``samples // 2 + 1`` bins, is the beginning of a row of what it returns,
    which the next call overwrites. Always as many as `group` are transformed at once: how many there are
    decides about the last bits.
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
