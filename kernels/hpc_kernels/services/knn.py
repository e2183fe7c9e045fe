"""k-nearest-neighbour classification of signals, under dynamic time warping or the Euclidean distance."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Labels, as_signals
from hpc_kernels.errors import UnfitSignalError
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics import dtw, euclidean
from hpc_kernels.numerics.scaling import scale_down, scaling_exponent

_TOGETHER = 16  # queries per call, each with a lower bound per training signal

_Envelopes = tuple[Array, Array]
_Shape = tuple[int, int]  # samples of a query, and the exponent of its scaling


def knn(
    training: ArrayLike,
    labels: ArrayLike,
    queries: list[Array],
    *,
    k_nearest_neighbor: int = 7,
    metric: Literal["dtw", "euclidean"] = "dtw",
    cost: Literal["absolute", "squared"] = "absolute",
    band: int | None = None,
) -> Labels:
    """Return the class of each query: that of most of its nearest training signals.

    Parameters
    ----------
    training : array_like, shape (signals, samples)
        Finite values; float32 is computed in single precision, everything else in double.
    labels : array_like of int, shape (signals,)
        The class of each training signal.
    queries : list of array_like, each of shape (samples,)
        Signals to classify; their lengths may differ under "dtw".
    k_nearest_neighbor : int
        Neighbours that vote, at least 1 and at most the number of training signals.
    metric : {"dtw", "euclidean"}
        Dynamic time warping, or the Euclidean distance.
    cost : {"absolute", "squared"}
        Cost of laying one sample on another under "dtw".
    band : int, optional
        Sakoe-Chiba radius in samples under "dtw", grown to the difference of the lengths.

    Returns
    -------
    ndarray of int64, shape (queries,)
        A tied vote goes to the class of the nearest neighbour among the tied, equal distances to
        the earlier training signal.

    Raises
    ------
    ValueError
        If there are fewer training signals than neighbours, or under "euclidean" a query is not
        as long as the training signals.

    Notes
    -----
    H. Sakoe, S. Chiba (1978) for the distance; E. Keogh, C. A. Ratanamahatana (2005) for the
    lower bound by envelopes. Bounds and early abandoning skip work and never change a label.

    Examples
    --------
    >>> knn([[0.0, 1.0], [5.0, 6.0]], [3, 4], [[0.0, 0.0, 1.0]], k_nearest_neighbor=1).tolist()
    [3]
    """
    x, classes = as_signals(training), np.asarray(labels, dtype=np.int64)
    if k_nearest_neighbor > len(x):
        raise UnfitSignalError(f"{k_nearest_neighbor} neighbours need as many training signals, got {len(x)}")
    radius, squared = -1 if band is None else band, int(cost == "squared")
    found: list[int] = []
    envelopes: dict[_Shape, _Envelopes] = {}  # of the training signals
    for shape, block in _blocks_of_one_shape(queries, np.array([x.min(), x.max()])):
        samples, power = shape
        train, neighbours = scale_down(x, power), np.empty((len(block), k_nearest_neighbor), np.int64)
        if metric == "dtw":
            if shape not in envelopes:
                envelopes[shape] = _envelopes(train, samples, radius)
            _find_dtw(train, block, envelopes[shape], neighbours, radius=radius, squared=squared)
        else:
            _check_length(samples, x.shape[1])
            squares = np.empty((len(block), len(x)))
            _write_squares(train, block, squares)
            neighbours[:] = np.argsort(squares, axis=1, kind="stable")[:, :k_nearest_neighbor]
        found += [_vote(nearest) for nearest in classes[neighbours].tolist()]
    return np.array(found, np.int64)


def _blocks_of_one_shape(queries: list[Array], extremes: Array) -> Iterator[tuple[_Shape, Array]]:
    """Yield blocks of consecutive queries of one shape, in order.

    A shape is the number of samples and the scaling exponent of the query beside the `extremes` of the
    training signals.
    """

    def key(query: Array) -> _Shape:
        return len(query), scaling_exponent(extremes, query)

    for shape, run in groupby(queries, key):
        signals = list(run)
        for start in range(0, len(signals), _TOGETHER):
            block = np.array(signals[start : start + _TOGETHER], extremes.dtype)
            yield shape, scale_down(block, shape[1])


def _check_length(query: int, training: int) -> None:
    if query != training:
        text = f"the Euclidean metric needs signals of one length, got {query} samples beside {training}"
        raise UnfitSignalError(text)


def _vote(classes: list[int]) -> int:
    """Return the most frequent of `classes`, which are ordered from near to far."""
    votes = Counter(classes)
    most = max(votes.values())
    return next(label for label in classes if votes[label] == most)


@compiled
def _write_squares(training: Array, queries: Array, out: Array) -> None:
    for q in range(len(queries)):
        for i in range(len(training)):
            out[q, i] = euclidean.squared_distance(training[i], queries[q])


def _find_dtw(
    training: Array, queries: Array, envelopes: _Envelopes, neighbours: Labels, *, radius: int, squared: int
) -> None:
    """Write the nearest training signals, from near to far; lower bounds exclude most of the others."""
    bounds, own = np.empty((len(queries), len(training))), np.empty((2, training.shape[1]), training.dtype)
    _write_bounds(training, queries, radius, squared, *envelopes, bounds, own)
    scratch = dtw.scratch_array(max(queries.shape[1], training.shape[1]), training.dtype)
    distances, order = np.full(neighbours.shape, np.inf), np.argsort(bounds, axis=1)
    _write_nearest(training, queries, radius, squared, bounds, order, neighbours, distances, scratch)


@compiled
def _write_nearest(
    training: Array,
    queries: Array,
    radius: int,
    squared: int,
    bounds: Array,
    order: Labels,
    neighbours: Labels,
    distances: Array,
    scratch: Array,
) -> None:
    for q in range(len(queries)):
        _nearest_dtw(
            training, queries[q], radius, squared, bounds[q], order[q], neighbours[q], distances[q], scratch
        )


@compiled
def _nearest_dtw(
    training: Array,
    query: Array,
    radius: int,
    squared: int,
    bounds: Array,
    order: Labels,
    neighbours: Labels,
    distances: Array,
    scratch: Array,
) -> None:
    """Write the indices of the nearest training signals, from near to far; the search follows `order`."""
    neighbours[:] = len(training)
    for i in order:
        worst = distances[-1]
        if bounds[i] > worst:
            continue
        distance = dtw.bounded_distance(query, training[i], radius, squared, worst, scratch)
        place = len(neighbours)
        while place > 0 and (
            distance < distances[place - 1]
            or (distance == distances[place - 1] and i < neighbours[place - 1])
        ):
            place -= 1
        if place < len(neighbours):
            for j in range(len(neighbours) - 1, place, -1):
                distances[j], neighbours[j] = distances[j - 1], neighbours[j - 1]
            distances[place], neighbours[place] = distance, i


def _envelopes(training: Array, samples: int, radius: int) -> _Envelopes:
    """Return the envelopes of each training signal for queries of `samples` samples."""
    low, high = np.empty((2, len(training), samples), training.dtype)
    _write_envelopes(training, radius, low, high)
    return low, high


@compiled
def _write_envelopes(training: Array, radius: int, low: Array, high: Array) -> None:
    for i in range(len(training)):
        dtw.envelope(training[i], low.shape[1], radius, low[i], high[i])


@compiled
def _write_bounds(
    training: Array,
    queries: Array,
    radius: int,
    squared: int,
    low: Array,
    high: Array,
    bounds: Array,
    own: Array,
) -> None:
    """Write a lower bound of each distance, lowered by the largest rounding error of the sums."""
    samples = training.shape[1]
    slack = 1 - 16 * queries.shape[1] * (1.2e-7 if training.itemsize == 4 else 2.3e-16)  # noqa: PLR2004
    for q in range(len(queries)):
        dtw.envelope(queries[q], samples, radius, own[0], own[1])
        for i in range(len(training)):
            one = dtw.lower_bound(queries[q], low[i], high[i], squared)
            other = dtw.lower_bound(training[i], own[0], own[1], squared)
            bounds[q, i] = max(one, other) * max(slack, 0.0)
