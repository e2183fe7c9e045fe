"""Lower bounds of the DTW distance, from envelopes: the extremes of a signal within the band of each sample.

A path visits each row and each column of the matrix, and two of its corners. So a bound is the cost of these
corners and the greater of two sums over the samples between: one signal's costs outside the other's envelope.
"""

from hpc_kernels.arrays import Array, Labels, Scalar
from hpc_kernels.jit.decorators import compiled, compiled_any_order

_TILE = 16  # queries that share a signal and its envelope while these are in the cache


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
    signals: Array,
    low: Array,
    high: Array,
    queries: Array,
    own_low: Array,
    own_high: Array,
    squared: int,
    bounds: Array,
) -> None:
    """Write a lower bound of each distance, lowered by the largest rounding error of the sums."""
    n, m = queries.shape[1], signals.shape[1]
    share = max(0.0, 1 - rounding_slack(queries[0], signals[0]))
    for first in range(0, len(queries), _TILE):
        for c in range(len(signals)):
            y = signals[c]
            for q in range(first, min(first + _TILE, len(queries))):
                x = queries[q]
                if n > 1 and m > 1:
                    corners = cost(x[0], y[0], squared) + cost(x[n - 1], y[m - 1], squared)
                    rows = envelope_cost(x[1 : n - 1], low[c, 1:], high[c, 1:], squared)
                    columns = envelope_cost(y[1 : m - 1], own_low[q, 1:], own_high[q, 1:], squared)
                else:
                    corners = 0.0
                    rows = envelope_cost(x, low[c], high[c], squared)
                    columns = envelope_cost(y, own_low[q], own_high[q], squared)
                bounds[q, c] = (corners + max(rows, columns)) * share


@compiled
def rounding_slack(x: Array, y: Array) -> float:
    """Return a bound on the relative rounding error of sums along a path."""
    return float(16 * (len(x) + len(y)) * (1.2e-7 if x.itemsize == 4 else 2.3e-16))  # noqa: PLR2004


@compiled
def cost(one: Scalar, other: Scalar, squared: int) -> float:
    """Return the cost of laying one sample on another."""
    difference = abs(one - other)
    return float(difference * difference if squared else difference)


@compiled_any_order
def envelope_cost(x: Array, low: Array, high: Array, squared: int) -> float:
    """Return the sum of the costs of reaching an envelope from the samples `x`.

    E. Keogh, C. A. Ratanamahatana, "Exact indexing of dynamic time warping" (2005).
    """
    zero = total = x.dtype.type(0)
    if squared:
        for i in range(len(x)):
            above, below = x[i] - high[i], low[i] - x[i]
            out = above if above > below else below  # noqa: FURB136 (`max` handles nan, which costs vectorisation)
            out = out if out > zero else zero  # noqa: FURB136
            total += out * out
    else:
        for i in range(len(x)):
            above, below = x[i] - high[i], low[i] - x[i]
            out = above if above > below else below  # noqa: FURB136
            total += out if out > zero else zero  # noqa: FURB136
    return float(total)
