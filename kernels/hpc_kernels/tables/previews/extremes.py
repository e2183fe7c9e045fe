"""Extremes of stretches of signals: the smallest and the largest finite sample of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, Scalar, run_in_blocks
from hpc_kernels.jit.decorators import compiled, compiled_any_order

Bounds = NDArray[np.int64]


def equal_stretches(samples: int, stretches: int) -> Bounds:
    """Return the bounds of stretches that are equal in length to within one sample."""
    return np.arange(stretches + 1, dtype=np.int64) * samples // stretches


def find_extremes(
    parts: Sequence[Array], bounds: Bounds, kind: str, most: int, threads: int = 1
) -> tuple[Array, Array]:
    """Return the least and the greatest sample of each stretch of the first `most` signals of all parts.

    Both arrays are (signals, stretches) of double precision. Samples that are not finite in precision `kind`
    count as missing; a stretch of these alone is nan.
    """
    count = min(most, sum(map(len, parts)))
    least, greatest = (np.empty((count, len(bounds) - 1)) for _ in range(2))
    largest, at = np.finfo(kind).max, 0
    for part in parts:
        here = slice(at, min(at + len(part), count))
        signals = part[: here.stop - here.start]
        if len(signals):
            _on_threads(signals, bounds, signals.dtype.type(largest), (least[here], greatest[here]), threads)
        at = here.stop
    return _rounded(least, kind), _rounded(greatest, kind)


def _rounded(values: Array, kind: str) -> Array:
    return values if kind == "float64" else values.astype(kind).astype(np.float64)


def _on_threads(
    signals: Array, bounds: Bounds, largest: Scalar, out: tuple[Array, Array], threads: int
) -> None:
    least, greatest = out

    def work(block: slice) -> None:
        _reduce(signals[block], bounds, largest, least[block], greatest[block])

    run_in_blocks(work, len(signals), threads)


@compiled
def _reduce(x: Array, bounds: Bounds, largest: Scalar, least: Array, greatest: Array) -> None:
    for i in range(len(x)):
        for k in range(len(bounds) - 1):
            stretch = x[i][bounds[k] : bounds[k + 1]]
            if _count_finite(stretch, largest) == len(stretch) and len(stretch) > 0:
                least[i, k], greatest[i, k] = _extremes(stretch)
            else:
                least[i, k], greatest[i, k] = _finite_extremes(stretch, largest)


@compiled
def _count_finite(x: Array, largest: Scalar) -> int:
    count = 0
    for t in range(len(x)):
        count += abs(x[t]) <= largest
    return count


@compiled_any_order
def _extremes(x: Array) -> tuple[Scalar, Scalar]:
    least, greatest = x[0], x[0]
    for t in range(len(x)):
        least = x[t] if x[t] < least else least  # noqa: FURB136 (`min` handles nan, which costs vectorisation)
        greatest = x[t] if x[t] > greatest else greatest  # noqa: FURB136
    return least, greatest


@compiled
def _finite_extremes(x: Array, largest: Scalar) -> tuple[float, float]:
    least, greatest = np.inf, -np.inf
    for t in range(len(x)):
        if abs(x[t]) <= largest:
            least, greatest = min(least, float(x[t])), max(greatest, float(x[t]))
    return (least, greatest) if least <= greatest else (np.nan, np.nan)
