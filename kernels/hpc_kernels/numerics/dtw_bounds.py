"""Lower bounds of the DTW distance, from envelopes: the extremes of a signal within the band of each sample.

A path visits each row and each column of the matrix, two of its corners, and a neighbour of each corner. So a
bound is the cost of these corners and the greater of two sums over the samples between: one signal's costs
outside the other's envelope. Beside a corner the least of its three neighbours counts, after C. W. Tan,
F. Petitjean, G. I. Webb, "Elastic bands across the path" (2019).
"""

from hpc_kernels.arrays import Array, Labels, Scalar
from hpc_kernels.jit.decorators import compiled

_Envelope = tuple[Array, Array]  # least and greatest samples
_Sums = tuple[Array, Array]  # over rows and over columns

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
    edge = min(n // 2, m // 2, 2)  # samples at each end whose costs are not those outside an envelope
    share = max(0.0, 1 - rounding_slack(n + m, queries.itemsize))
    for first in range(0, len(queries), TILE):
        together = min(TILE, len(queries) - first)
        sums[:] = 0
        for i in range(edge, n - edge):
            for q in range(together):
                x, total = queries[first + q, i], sums[0, q]
                for c in range(count):
                    total[c] += cost_outside(x, low[i, c], high[i, c], squared)
        for j in range(edge, m - edge):
            for q in range(together):
                least, greatest, total = own_low[first + q, j], own_high[first + q, j], sums[1, q]
                for c in range(count):
                    total[c] += cost_outside(columns[j, c], least, greatest, squared)
        for q in range(together):
            x, both = queries[first + q], (sums[0, q], sums[1, q])
            envelope = own_low[first + q], own_high[first + q]
            if edge > 1:
                _add_neighbours(x, columns, (low, high), envelope, (0, 0, 1), squared, both)
                _add_neighbours(x, columns, (low, high), envelope, (n - 1, m - 1, -1), squared, both)
            _write_row(x, columns, min(edge, 1), squared, both, share, bounds[first + q])


@compiled
def _write_row(
    x: Array,
    columns: Array,
    corners: int,
    squared: int,
    both: _Sums,
    share: float,
    bounds: Array,
) -> None:
    """Write the bounds of a query: those of the corners, if they are two, and the greater sum."""
    of_rows, of_columns = both
    for c in range(len(bounds)):
        ends = cost(x[0], columns[0, c], squared) + cost(x[-1], columns[-1, c], squared)
        bounds[c] = (corners * ends + max(of_rows[c], of_columns[c])) * share


@compiled
def _add_neighbours(
    x: Array,
    columns: Array,
    envelopes: _Envelope,
    own_envelope: _Envelope,
    corner: tuple[int, int, int],
    squared: int,
    both: _Sums,
) -> None:
    """Add the least costs of the row and of the column beside a corner.

    The next cell of a path lies in both, or in one of them, and the path visits the other later.
    """
    row, column, step = corner
    first, second = x[row], x[row + step]
    outer, inner = columns[column], columns[column + step]
    low, high = envelopes[0][row + step], envelopes[1][row + step]
    own_low, own_high = own_envelope[0][column + step], own_envelope[1][column + step]
    of_rows, of_columns = both
    for c in range(len(outer)):
        along, down = cost(first, inner[c], squared), cost(second, outer[c], squared)
        across = cost(second, inner[c], squared)
        row_later = along + cost_outside(second, low[c], high[c], squared)
        column_later = down + cost_outside(inner[c], own_low, own_high, squared)
        of_rows[c] += _lesser(_lesser(across, down), row_later)
        of_columns[c] += _lesser(_lesser(across, along), column_later)


@compiled
def _lesser(one: float, other: float) -> float:
    return one if one < other else other  # noqa: FURB136 (`min` handles nan, which costs vectorisation)


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
def cost_outside(x: Scalar, low: Scalar, high: Scalar, squared: int) -> float:
    """Return the cost of reaching an envelope, which is the least cost of the sample on a path.

    E. Keogh, C. A. Ratanamahatana, "Exact indexing of dynamic time warping" (2005).
    """
    above, below = x - high, low - x
    out = float(above if above > below else below)  # noqa: FURB136 (`max` handles nan, which costs vectorisation)
    out = out if out > 0 else 0.0
    return out * out if squared else out
