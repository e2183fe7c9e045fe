"""Lower bounds of the DTW distance, from envelopes: the extremes of a signal within the band of each sample.

A path visits each row and each column of the matrix, and two of its corners. So a bound is the cost of these
corners and the greater of two sums over the samples between: one signal's costs outside the other's envelope.
"""

from hpc_kernels.arrays import Array, Labels, Scalar
from hpc_kernels.jit.decorators import compiled

TILE = 16  # queries that share samples of the signals while these are in the cache


@compiled
def write_envelopes(signals: Array, reach: int, low: Array, high: Array, queues: Labels) -> None:
    """Write the extremes of each signal within `reach` of each sample of a signal as long as a row of `low`.

    D. Lemire, "Faster retrieval with a two-pass dynamic-time-warping lower bound" (2009). The `queues`, (2,
    samples), hold the indices of the samples that are or may become extremes.
    """
    for i in range(len(signals)):
        _write_envelope(signals[i], reach, low[i], high[i], queues[0], queues[1])


@compiled
def _write_envelope(y: Array, reach: int, low: Array, high: Array, falls: Labels, rises: Labels) -> None:
    first_fall = first_rise = end_fall = end_rise = seen = 0
    for i in range(len(low)):
        while seen < min(len(y), i + reach + 1):
            while end_fall > first_fall and y[falls[end_fall - 1]] >= y[seen]:
                end_fall -= 1
            while end_rise > first_rise and y[rises[end_rise - 1]] <= y[seen]:
                end_rise -= 1
            falls[end_fall] = rises[end_rise] = seen
            end_fall, end_rise, seen = end_fall + 1, end_rise + 1, seen + 1
        while falls[first_fall] < i - reach:
            first_fall += 1
        while rises[first_rise] < i - reach:
            first_rise += 1
        low[i], high[i] = y[falls[first_fall]], y[rises[first_rise]]


@compiled
def write_bounds(
    columns: Array,
    low: Array,
    high: Array,
    queries: Array,
    own_low: Array,
    own_high: Array,
    squared: int,
    bounds: Array,
    sums: Array,
) -> None:
    """Write a lower bound of each distance, lowered by the largest rounding error of the sums.

    Signals and their envelopes are given by `columns`, (samples, signals): vectors hold several signals.
    The scratch space `sums` is (2, TILE, signals).
    """
    n, m, count = queries.shape[1], len(columns), columns.shape[1]
    corner = 1 if n > 1 and m > 1 else 0
    share = max(0.0, 1 - rounding_slack(n + m, queries.itemsize))
    for first in range(0, len(queries), TILE):
        together = min(TILE, len(queries) - first)
        sums[:] = 0
        for i in range(corner, n - corner):
            for q in range(together):
                x, total = queries[first + q, i], sums[0, q]
                for c in range(count):
                    total[c] += _outside(x, low[i, c], high[i, c], squared)
        for j in range(corner, m - corner):
            for q in range(together):
                least, greatest, total = own_low[first + q, j], own_high[first + q, j], sums[1, q]
                for c in range(count):
                    total[c] += _outside(columns[j, c], least, greatest, squared)
        for q in range(together):
            x = queries[first + q]
            for c in range(count):
                ends = cost(x[0], columns[0, c], squared) + cost(x[n - 1], columns[m - 1, c], squared)
                bounds[first + q, c] = (corner * ends + max(sums[0, q, c], sums[1, q, c])) * share


@compiled
def rounding_slack(samples: int, itemsize: int) -> float:
    """Return a bound on the relative rounding error of a sum along a path through so many samples."""
    return 16 * samples * (1.2e-7 if itemsize == 4 else 2.3e-16)  # noqa: PLR2004


@compiled
def cost(one: Scalar, other: Scalar, squared: int) -> float:
    """Return the cost of laying one sample on another."""
    difference = abs(one - other)
    return float(difference * difference if squared else difference)


@compiled
def write_envelope_costs(x: Array, low: Array, high: Array, squared: int, costs: Array) -> None:
    """Write the least cost of each sample of `x` on a path: that of reaching the other signal's envelope.

    E. Keogh, C. A. Ratanamahatana, "Exact indexing of dynamic time warping" (2005).
    """
    for i in range(len(x)):
        costs[i] = _outside(x[i], low[i], high[i], squared)


@compiled
def _outside(x: Scalar, low: Scalar, high: Scalar, squared: int) -> float:
    above, below = x - high, low - x
    out = float(above if above > below else below)  # noqa: FURB136 (`max` handles nan, which costs vectorisation)
    out = out if out > 0 else 0.0
    return out * out if squared else out
