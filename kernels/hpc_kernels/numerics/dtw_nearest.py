"""Exact nearest neighbours under dynamic time warping: candidates in the order of a lower bound.

The next candidates of eight queries are measured at once, in the lanes of vectors, each with the best
distance of its own query as its limit. A distance does not depend on the pairs in the other lanes, so results
are the same bits for any blocks of queries.
"""

import numpy as np

from hpc_kernels.arrays import Array, Labels
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics.dtw import bounded_distance, scratch_array
from hpc_kernels.numerics.dtw_bounds import (
    TILE,
    cost,
    cost_outside,
    rounding_slack,
    write_bounds,
    write_envelopes,
)
from hpc_kernels.numerics.dtw_strip import LANES, STRIP, write_distances

_Sets = tuple[Array, Array, Array, Array]  # signals, queries, and the envelopes of the signals
_Geometry = tuple[int, int]  # radius of the band, and 1 for squared costs
_Found = tuple[Labels, Array]  # indices and distances of the nearest signals of each query

_FEW = 2  # pairs at most that are faster one by one, along their diagonals
_PAIRS, _SAMPLES = 1 << 17, 1 << 20  # of a block of queries at most, unless that is one of LANES queries


class Candidates:
    """Signals among which the nearest neighbours of queries of one length are sought.

    Parameters
    ----------
    signals : ndarray, shape (signals, samples)
    samples : int
        Samples of a query.
    radius : int
        Sakoe-Chiba radius, grown to the difference of the lengths; negative for no band.
    squared : bool
        Cost of two samples: the squared in place of the absolute difference.
    """

    def __init__(self, signals: Array, samples: int, *, radius: int = -1, squared: bool = False) -> None:
        longest = max(samples, signals.shape[1])
        grown = max(radius, abs(samples - signals.shape[1]))
        self._signals, self._samples, self._squared = signals, samples, int(squared)
        self._reach = min(grown, longest) if radius >= 0 else longest
        self._low, self._high = self._envelopes(signals, samples)
        self._columns = [np.ascontiguousarray(rows.T) for rows in (signals, self._low, self._high)]

    def nearest(self, queries: Array, count: int) -> tuple[Labels, Array]:
        """Return indices and distances of the `count` nearest signals of each query, from near to far.

        Of equal distances the earlier signal comes first.
        """
        neighbours = np.full((len(queries), count), len(self._signals))
        distances = np.full((len(queries), count), np.inf)
        per_query = self._samples + self._signals.shape[1]
        at_a_time = max(LANES, min(_PAIRS // len(self._signals), _SAMPLES // per_query))
        for start in range(0, len(queries), at_a_time):
            block = slice(start, start + at_a_time)
            self._search(queries[block], neighbours[block], distances[block])
        return neighbours, distances

    def _search(self, queries: Array, neighbours: Labels, distances: Array) -> None:
        bounds = self._bounds(queries)
        order = np.argsort(bounds, axis=1)
        longest = max(self._samples, self._signals.shape[1])
        strips = np.zeros((4 * (longest + STRIP), LANES), queries.dtype)
        diagonals = scratch_array(longest + STRIP, queries.dtype)
        _write_nearest(
            self._signals, queries, self._low, self._high, self._reach, self._squared, bounds, order,
            neighbours, distances, np.zeros((4, max(len(queries), LANES)), np.int64), strips, diagonals,
        )  # fmt: skip

    def _bounds(self, queries: Array) -> Array:
        bounds = np.zeros((len(queries), len(self._signals)))
        if len(self._signals) > 1:
            low, high = self._envelopes(queries, self._signals.shape[1])
            sums = np.empty((2, TILE, len(self._signals)))
            columns, column_low, column_high = self._columns
            write_bounds(columns, column_low, column_high, queries, low, high, self._squared, bounds, sums)
        return bounds

    def _envelopes(self, signals: Array, samples: int) -> tuple[Array, Array]:
        low, high = np.empty((2, len(signals), samples), signals.dtype)
        if self._reach >= max(signals.shape[1], samples):
            low[:], high[:] = signals.min(axis=1, keepdims=True), signals.max(axis=1, keepdims=True)
            return low, high
        write_envelopes(signals, self._reach, low, high, np.zeros((2, signals.shape[1]), np.int64))
        return low, high


@compiled
def _write_nearest(
    signals: Array,
    queries: Array,
    low: Array,
    high: Array,
    reach: int,
    squared: int,
    bounds: Array,
    order: Labels,
    neighbours: Labels,
    distances: Array,
    plan: Labels,
    strips: Array,
    diagonals: Array,
) -> None:
    """Write the nearest signals of each query; they take turns, so that limits fall between pairs."""
    active, taken, pairs = plan[0], plan[1], plan[2:, :LANES]
    remaining, lane = len(queries), 0
    for q in range(remaining):
        active[q] = q
    sets, found = (signals, queries, low, high), (neighbours, distances)
    while remaining > 0:
        kept = 0
        for place in range(remaining):
            q = active[place]
            if taken[q] == len(signals) or bounds[q, order[q, taken[q]]] > distances[q, -1]:
                continue
            pairs[0, lane], pairs[1, lane] = q, order[q, taken[q]]
            active[kept] = q
            taken[q], kept, lane = taken[q] + 1, kept + 1, lane + 1
            if lane == LANES:
                _measure_in_lanes(sets, pairs, lane, (reach, squared), found, strips, diagonals)
                lane = 0
        remaining = kept
    if lane <= _FEW:
        _measure_one_by_one(sets, pairs, lane, (reach, squared), found, diagonals)
    else:
        _measure_in_lanes(sets, pairs, lane, (reach, squared), found, strips, diagonals)


@compiled
def _measure_one_by_one(
    sets: _Sets, pairs: Labels, count: int, geometry: _Geometry, found: _Found, diagonals: Array
) -> None:
    signals, queries, _, _ = sets
    reach, squared = geometry
    neighbours, distances = found
    for lane in range(count):
        q, c = pairs[0, lane], pairs[1, lane]
        distance = bounded_distance(queries[q], signals[c], reach, squared, distances[q, -1], diagonals)
        _insert(neighbours[q], distances[q], c, float(distance))


@compiled
def _measure_in_lanes(
    sets: _Sets,
    pairs: Labels,
    count: int,
    geometry: _Geometry,
    found: _Found,
    strips: Array,
    diagonals: Array,
) -> None:
    """Measure `count` pairs at once, and insert the near ones into the neighbours of their queries."""
    signals, queries, _, _ = sets
    reach, squared = geometry
    neighbours, distances = found
    n, m = queries.shape[1], signals.shape[1]
    height = (n + STRIP - 1) // STRIP
    x, y = strips[: height * STRIP], strips[height * STRIP :][:m]
    row, limits = strips[height * STRIP + m :][: m + 1], strips[len(strips) - STRIP - height :][:height]
    ends = strips[len(strips) - STRIP :]
    costs = diagonals[0]  # not in use meanwhile
    costs[: height * STRIP] = 0
    limits[:] = -1  # no cell of an empty lane is within it
    for lane in range(count):
        q, c = pairs[0, lane], pairs[1, lane]
        for i in range(n):
            x[i, lane] = queries[q, i]
        for j in range(m):
            y[j, lane] = signals[c, j]
        _write_limits(sets, (q, c), squared, distances[q, -1], costs, limits, lane)
    alive = write_distances(x, y, n, reach, squared, limits, row, ends)
    for lane in range(count):
        q, distance = pairs[0, lane], ends[0, lane] if alive else np.inf
        if distance <= distances[q, -1]:
            _insert(neighbours[q], distances[q], pairs[1, lane], distance)


@compiled
def _write_limits(
    sets: _Sets,
    pair: tuple[int, int],
    squared: int,
    worst: float,
    costs: Array,
    limits: Array,
    lane: int,
) -> None:
    """Write the limits of the strips: `worst` less a bound on the cost of the rows below.

    Views of a single row would cost as much as the bound.
    """
    signals, queries, low, high = sets
    q, c = pair
    n, m = queries.shape[1], signals.shape[1]
    greatest = 1.7e308 if queries.itemsize == 8 else 3.4e38  # noqa: PLR2004 (infinity is beyond the limit)
    if worst == np.inf and n == m:  # the best path costs no more than the diagonal
        worst = 0.0
        for i in range(n):
            worst += cost(queries[q, i], signals[c, i], squared)
    for i in range(n):
        costs[i] = cost_outside(queries[q, i], low[c, i], high[c, i], squared)
    costs[n - 1] = cost(queries[q, n - 1], signals[c, m - 1], squared)
    slack = rounding_slack(n + m, queries.itemsize)
    allowed, below, share = worst * (1 + slack), 0.0, max(0.0, 1 - slack)
    for strip in range(len(limits) - 1, -1, -1):
        limits[strip, lane] = min(allowed - below * share, greatest)
        first = strip * STRIP
        below += float((costs[first] + costs[first + 1]) + (costs[first + 2] + costs[first + 3]))


@compiled
def _insert(neighbours: Labels, distances: Array, i: int, distance: float) -> None:
    """Insert signal `i` before those that are farther, or as far and later."""
    place = len(neighbours)
    while place > 0 and (
        distance < distances[place - 1] or (distance == distances[place - 1] and i < neighbours[place - 1])
    ):
        place -= 1
    if place < len(neighbours):
        for j in range(len(neighbours) - 1, place, -1):
            distances[j], neighbours[j] = distances[j - 1], neighbours[j - 1]
        distances[place], neighbours[place] = distance, i
