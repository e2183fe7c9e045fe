"""Dynamic time warping: how far two signals are apart when time may stretch.

The matrix ``D[i,j] = cost(x_i, y_j) + min(D[i-1,j-1], D[i-1,j], D[i,j-1])`` is filled along its
anti-diagonals: the cells of one do not depend on each other, so several are computed at once.
"""

import numpy as np

from hpc_kernels.arrays import Array, Scalar
from hpc_kernels.jit.decorators import compiled, compiled_any_order

_CHECK_EVERY = 8  # anti-diagonals between two looks whether the limit is passed already


def distance(x: Array, y: Array, *, radius: int = -1, squared: bool = False, limit: float = np.inf) -> float:
    """Return the DTW distance of `x` and `y`, or infinity once it is sure to be above `limit`.

    A cell further than `radius` samples from the diagonal is not used (a negative radius: every
    cell is); the radius grows to the difference of the lengths, without which there is no path.
    """
    room = scratch_array(max(len(x), len(y)), x.dtype)
    return float(bounded_distance(x, y, radius, int(squared), float(limit), room))


def scratch_array(samples: int, kind: np.dtype[Scalar]) -> Array:
    """Return room for the distances of signals of at most so many samples."""
    return np.empty((4, samples + 1), kind)


@compiled
def bounded_distance(  # noqa: PLR0917 (Numba knows no keyword-only)
    x: Array, y: Array, radius: int, squared: int, limit: float, room: Array
) -> Scalar:
    """Return what `distance` does, in the `scratch` given as `room`."""
    n, m = len(x), len(y)
    reach = max(radius, abs(n - m)) if radius >= 0 else n + m
    backwards = room[3]  # so that a diagonal runs through both signals in the same direction
    for j in range(m):
        backwards[j] = y[m - 1 - j]
    rows = room[:3]  # the last three diagonals; slot i + 1 is row i
    rows[:] = np.inf
    for s in range(n + m - 1):
        before2, before, now = rows[(s + 1) % 3], rows[(s + 2) % 3], rows[s % 3]
        first = max(0, s - m + 1, (s - reach + 1) // 2)
        last = min(n - 1, s, (s + reach) // 2)
        _diagonal(
            x[first : last + 1],
            backwards[m - 1 - s + first : m],
            before2[first:],
            before[first:],
            now[first : last + 2],
            squared,
        )
        if s == 0:
            difference = abs(x[0] - y[0])
            now[1] = difference * difference if squared else difference
        if s % _CHECK_EVERY == _CHECK_EVERY - 1 and limit < np.inf:
            least, least_before = _least(now[first : last + 2]), _least(before[first : last + 2])
            if least > limit and least_before > limit:  # every path crosses one of two neighbouring diagonals
                return rows.dtype.type(np.inf)
    found: Scalar = rows[(n + m - 2) % 3, n]
    return found


@compiled
def _diagonal(x: Array, y: Array, before2: Array, before: Array, now: Array, squared: int) -> None:  # noqa: PLR0917 (likewise)
    now[0] = np.inf  # what an earlier diagonal left beside the band
    for i in range(len(x)):
        difference = abs(x[i] - y[i])
        cost = difference * difference if squared else difference
        best = before2[i] if before2[i] < before[i] else before[i]  # noqa: FURB136 (min would mind nan)
        best = best if best < before[i + 1] else before[i + 1]  # noqa: FURB136
        now[i + 1] = cost + best


@compiled_any_order
def _least(x: Array) -> Scalar:
    least: Scalar = x[0]
    for i in range(len(x)):
        least = x[i] if x[i] < least else least  # noqa: FURB136
    return least


@compiled_any_order
def _greatest(x: Array) -> Scalar:
    greatest: Scalar = x[0]
    for i in range(len(x)):
        greatest = x[i] if x[i] > greatest else greatest  # noqa: FURB136
    return greatest


@compiled
def lower_bound(x: Array, low: Array, high: Array, squared: int) -> Scalar:
    """Return what `x` costs at least against any signal between the envelopes `low` and `high`."""
    total = x.dtype.type(0)
    for i in range(len(x)):
        out = max(x[i] - high[i], low[i] - x[i], x.dtype.type(0))
        total += out * out if squared else out
    return total


@compiled
def envelope(y: Array, samples: int, radius: int, low: Array, high: Array) -> None:
    """Write the extremes of `y` within reach of each of `samples` samples of another signal."""
    m = len(y)
    reach = max(radius, abs(samples - m)) if radius >= 0 else samples + m
    if reach >= max(samples, m):
        low[:], high[:] = _least(y), _greatest(y)
        return
    for i in range(samples):
        near = y[max(0, i - reach) : min(m, i + reach + 1)]
        low[i], high[i] = _least(near), _greatest(near)


@compiled
def path_sums(x: Array, y: Array, radius: int, sums: Array, counts: Array, table: Array) -> None:  # noqa: PLR0917 (likewise)
    """Add the samples of `y` that the best path lays on each sample of `x` (absolute cost).

    `table` is room for one more row and column than there are samples.
    """
    n, m = len(x), len(y)
    reach = max(radius, abs(n - m)) if radius >= 0 else n + m
    table[:] = np.inf
    table[0, 0] = 0
    for i in range(n):
        for j in range(max(0, i - reach), min(m, i + reach + 1)):
            best = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = abs(x[i] - y[j]) + best
    i, j = n, m
    while i > 0:
        sums[i - 1] += y[j - 1]
        counts[i - 1] += 1
        diagonal, up, left = table[i - 1, j - 1], table[i - 1, j], table[i, j - 1]
        if diagonal <= up and diagonal <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
