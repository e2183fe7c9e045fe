"""k-nearest-neighbour classification of signals under dynamic time warping or in Euclidean distance."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels import dtw
from hpc_kernels.arrays import Array, as_signals
from hpc_kernels.compiled import compiled, compiled_any_order
from hpc_kernels.errors import UnfitSignalError

Labels = NDArray[np.int64]
_Envelopes = tuple[Array, Array]


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
    """Return the class of each query: what most of its nearest training signals are.

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
    out = np.empty(len(queries), np.int64)
    envelopes: dict[int, _Envelopes] = {}  # of the training signals, per length of a query
    for i, values in enumerate(queries):
        query = np.ascontiguousarray(values, dtype=x.dtype)
        neighbours = np.empty(k_nearest_neighbor, np.int64)
        if metric == "dtw":
            if len(query) not in envelopes:
                envelopes[len(query)] = _envelopes(x, len(query), radius)
            _find_dtw(x, query, envelopes[len(query)], neighbours, radius=radius, squared=squared)
        else:
            _check_length(len(query), x.shape[1])
            squares = np.empty(len(x))
            _write_squares(x, query, squares)
            neighbours[:] = np.argsort(squares, kind="stable")[:k_nearest_neighbor]
        out[i] = _vote(classes[neighbours])
    return out


def _check_length(query: int, training: int) -> None:
    if query != training:
        text = f"the Euclidean metric needs signals of one length, got {query} samples beside {training}"
        raise UnfitSignalError(text)


def _vote(classes: Labels) -> int:
    """Return the most frequent of `classes`, which are ordered from near to far."""
    found, first, votes = np.unique(classes, return_index=True, return_counts=True)
    most = votes == votes.max()
    return int(found[most][np.argmin(first[most])])


@compiled_any_order
def _write_squares(training: Array, query: Array, out: Array) -> None:
    for i in range(len(training)):
        total = 0.0
        for t in range(len(query)):
            difference = training[i, t] - query[t]
            total += difference * difference
        out[i] = total


def _find_dtw(
    training: Array, query: Array, envelopes: _Envelopes, neighbours: Labels, *, radius: int, squared: int
) -> None:
    """Write the nearest training signals, from near to far; what is surely far is not looked at."""
    bounds, own = np.empty(len(training)), np.empty((2, training.shape[1]), training.dtype)
    _write_bounds(training, query, radius, squared, *envelopes, bounds, own)
    scratch = dtw.scratch(max(len(query), training.shape[1]), training.dtype)
    distances = np.full(len(neighbours), np.inf)
    _nearest_dtw(training, query, radius, squared, bounds, np.argsort(bounds), neighbours, distances, scratch)


@compiled
def _nearest_dtw(  # noqa: PLR0917 (Numba knows no keyword-only)
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
    """Write the indices of the nearest training signals, from near to far, looked for in `order`."""
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
    """Return the extremes of each training signal within reach of `samples` samples of a query."""
    low, high = np.empty((2, len(training), samples), training.dtype)
    _write_envelopes(training, radius, low, high)
    return low, high


@compiled
def _write_envelopes(training: Array, radius: int, low: Array, high: Array) -> None:
    for i in range(len(training)):
        dtw.envelope(training[i], low.shape[1], radius, low[i], high[i])


@compiled
def _write_bounds(  # noqa: PLR0917 (likewise)
    training: Array,
    query: Array,
    radius: int,
    squared: int,
    low: Array,
    high: Array,
    bounds: Array,
    own: Array,
) -> None:
    """Write what each training signal is away at least, a little less than computed: sums round."""
    count, samples = training.shape
    slack = 1 - 16 * len(query) * (1.2e-7 if training.itemsize == 4 else 2.3e-16)  # noqa: PLR2004
    dtw.envelope(query, samples, radius, own[0], own[1])
    for i in range(count):
        one = dtw.lower_bound(query, low[i], high[i], squared)
        other = dtw.lower_bound(training[i], own[0], own[1], squared)
        bounds[i] = max(one, other) * max(slack, 0.0)
