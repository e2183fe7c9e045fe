"""Dynamic time warping: distance and optimal path of two signals.

The matrix ``D[i,j] = cost(x_i, y_j) + min(D[i-1,j-1], D[i-1,j], D[i,j-1])`` is filled along its
anti-diagonals: the cells of one are independent, so vector registers compute several at once.
"""

import numpy as np

from hpc_kernels.arrays import Array, Scalar
from hpc_kernels.jit.decorators import compiled, compiled_any_order

_CHECK_EVERY = 8  # anti-diagonals between two comparisons with the limit


def distance(x: Array, y: Array, *, radius: int = -1, squared: bool = False, limit: float = np.inf) -> float:
    """Return the DTW distance of two signals, or infinity if it is above `limit`.

    Parameters
    ----------
    x, y : ndarray, shape (samples,)
        Of one type; their lengths may differ.
    radius : int
        Sakoe-Chiba radius in samples, at least the difference of the lengths; negative for no band.
    squared : bool
        Cost of two samples: the squared in place of the absolute difference.
    limit : float
        Distance above which the search may be abandoned.

    Returns
    -------
    float
        The sum of the costs on the best path, in the unit of the cost.

    Notes
    -----
    H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition" (1978).
    """
    room = scratch_array(max(len(x), len(y)), x.dtype)
    return float(bounded_distance(x, y, radius, int(squared), float(limit), room))


def scratch_array(samples: int, kind: np.dtype[Scalar]) -> Array:
    """Return scratch space (4, samples + 1) for the distances of signals of at most `samples` samples."""
    return np.empty((4, samples + 1), kind)


@compiled
def bounded_distance(x: Array, y: Array, radius: int, squared: int, limit: float, room: Array) -> Scalar:
    """Return the `distance` of two signals, computed in the scratch space `room`."""
    n, m = len(x), len(y)
    reach = max(radius, abs(n - m)) if radius >= 0 else n + m
    backwards = room[3]  # a diagonal then runs through both signals in the same direction
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
            if least > limit and least_before > limit:  # every path crosses one of two adjacent diagonals
                return rows.dtype.type(np.inf)
    found: Scalar = rows[(n + m - 2) % 3, n]
    return found


@compiled
def _diagonal(x: Array, y: Array, before2: Array, before: Array, now: Array, squared: int) -> None:
    now[0] = np.inf  # overwrites a cell of an earlier diagonal beside the band
    for i in range(len(x)):
        difference = abs(x[i] - y[i])
        cost = difference * difference if squared else difference
        best = before2[i] if before2[i] < before[i] else before[i]  # noqa: FURB136 (`min` handles nan, which costs vectorisation)
        best = best if best < before[i + 1] else before[i + 1]  # noqa: FURB136
        now[i + 1] = cost + best


@compiled_any_order
def _least(x: Array) -> Scalar:
    least: Scalar = x[0]
    for i in range(len(x)):
        least = x[i] if x[i] < least else least  # noqa: FURB136
    return least


@compiled
def path_sums(x: Array, y: Array, radius: int, sums: Array, counts: Array, table: Array) -> None:
    """Add the samples of `y` that the best path (absolute cost) aligns with each sample of `x`.

    Parameters
    ----------
    x, y : ndarray, shapes (n,) and (m,)
    radius : int
        Sakoe-Chiba radius in samples; negative for no band.
    sums, counts : ndarray, shape (n,)
        Sums and numbers of the aligned samples, to which those of `y` are added.
    table : ndarray, shape (n + 1, m + 1)
        Scratch space.
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
