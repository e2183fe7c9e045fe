"""k-nearest-neighbour classification of signals under dynamic time warping or in Euclidean distance."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels import dtw
from hpc_kernels.arrays import Array, as_signals
from hpc_kernels.compiled import compiled, compiled_any_order
from hpc_kernels.errors import UnfitSignalError

Labels = NDArray[np.int64]


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
    radius, squared = -1 if band is None else band, cost == "squared"
    out = np.empty(len(queries), np.int64)
    envelopes: dict[int, tuple[Array, Array]] = {}  # of the training signals, per length of a query
    for i, values in enumerate(queries):
        query = np.ascontiguousarray(values, dtype=x.dtype)
        neighbours = np.empty(k_nearest_neighbor, np.int64)
        if metric == "dtw":
            if len(query) not in envelopes:
                envelopes[len(query)] = _envelopes(x, len(query), radius)
            bounds = _bounds(x, query, radius, squared, *envelopes[len(query)])
            _nearest_dtw(x, query, radius, squared, bounds, np.argsort(bounds), neighbours)
        else:
            _check_length(len(query), x.shape[1])
            neighbours[:] = np.argsort(_squares(x, query), kind="stable")[:k_nearest_neighbor]
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
def _squares(training: Array, query: Array) -> Array:
    out = np.empty(len(training))
    for i in range(len(training)):
        total = 0.0
        for t in range(len(query)):
            difference = training[i, t] - query[t]
            total += difference * difference
        out[i] = total
    return out


@compiled
def _nearest_dtw(  # noqa: PLR0917 (Numba knows no keyword-only)
    training: Array,
    query: Array,
    radius: int,
    squared: bool,  # noqa: FBT001 (likewise)
    bounds: Array,
    order: Labels,
    neighbours: Labels,
) -> None:
    """Write the indices of the nearest training signals, from near to far, looked for in `order`."""
    distances = np.full(len(neighbours), np.inf)
    neighbours[:] = len(training)
    for i in order:
        worst = distances[-1]
        if bounds[i] > worst:
            continue
        distance = dtw.distance(query, training[i], radius, squared, worst)
        place = len(neighbours)
        while place > 0 and (
            distance < distances[place - 1]
            or (distance == distances[place - 1] and i < neighbours[place - 1])
        ):
            place -= 1
        if place < len(neighbours):
            distances[place + 1 :] = distances[place:-1].copy()
            neighbours[place + 1 :] = neighbours[place:-1].copy()
            distances[place], neighbours[place] = distance, i


@compiled
def _envelopes(training: Array, samples: int, radius: int) -> tuple[Array, Array]:
    """Return the extremes of each training signal within reach of `samples` samples of a query."""
    low = np.empty((len(training), samples), training.dtype)
    high = np.empty((len(training), samples), training.dtype)
    for i in range(len(training)):
        dtw.envelope(training[i], samples, radius, low[i], high[i])
    return low, high


@compiled
def _bounds(  # noqa: PLR0917 (likewise)
    training: Array,
    query: Array,
    radius: int,
    squared: bool,  # noqa: FBT001 (likewise)
    low: Array,
    high: Array,
) -> Array:
    """Return what each training signal is away at least, a little less than computed: sums round."""
    count, samples = training.shape
    slack = 1 - 16 * len(query) * (1.2e-7 if training.itemsize == 4 else 2.3e-16)  # noqa: PLR2004
    own_low, own_high = np.empty(samples, training.dtype), np.empty(samples, training.dtype)
    dtw.envelope(query, samples, radius, own_low, own_high)
    bounds = np.empty(count)
    for i in range(count):
        one = dtw.lower_bound(query, low[i], high[i], squared)
        other = dtw.lower_bound(training[i], own_low, own_high, squared)
        bounds[i] = max(one, other) * max(slack, 0.0)
    return bounds
