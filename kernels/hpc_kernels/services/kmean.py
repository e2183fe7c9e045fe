"""k-means of whole signals, near under dynamic time warping or in Euclidean distance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Labels, as_signals
from hpc_kernels.errors import UnfitSignalError
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics import dtw, euclidean
from hpc_kernels.numerics.pairwise_kmeans import PairwiseKmeans, suits_pairwise
from hpc_kernels.numerics.scaling import scale_down, scaling_exponent

BlockMap = Callable[[partial[Array], int], Array]


def map_here(kernel: partial[Array], count: int) -> Array:
    """Compute all signals here and now: the simplest way to run a kernel everywhere."""
    return kernel(slice(count))


@dataclass(frozen=True)
class _Nearness:
    """How near a signal is to a centroid, and how the members of a cluster are averaged."""

    metric: str
    centroid: str
    radius: int


def kmean(
    signals: ArrayLike,
    *,
    cluster_number: int = 2,
    epsilon_criteria: float = 1e-5,
    max_iterations: int = 10,
    metric: Literal["dtw", "euclidean"] = "dtw",
    centroid: Literal["mean", "dba"] = "mean",
    init: Literal["kmeans++", "first"] = "kmeans++",
    seed: int = 0,
    band: int | None = None,
    everywhere: BlockMap = map_here,
) -> Labels:
    """Return the cluster of each signal, 0 being the largest (of equals, the one met first).

    Parameters
    ----------
    signals : array_like, shape (signals, samples)
        Finite values; float32 is computed in single precision, everything else in double.
    cluster_number : int
        Clusters, at least 1 and at most the number of signals.
    epsilon_criteria : float
        Stop when the sum over clusters of the largest absolute change of a centroid is below it.
    max_iterations : int
        Stop after so many assignments.
    metric : {"dtw", "euclidean"}
        Dynamic time warping with absolute cost, or the Euclidean distance.
    centroid : {"mean", "dba"}
        The mean of the members, or one step of DTW barycentre averaging per iteration.
    init : {"kmeans++", "first"}
        Signals drawn with probability proportional to the squared distance from the nearest
        centroid so far, by ``numpy.random.Generator(PCG64(seed))``, or the first ones.
    seed : int
        Seed of the draws, at least 0.
    band : int, optional
        Sakoe-Chiba radius in samples; by default there is none.
    everywhere : callable
        How a function of a block of signals is computed for all of them (threads, ranks).

    Returns
    -------
    ndarray of int64, shape (signals,)
        The labels of the last assignment.

    Raises
    ------
    ValueError
        If there are fewer signals than clusters.

    Notes
    -----
    S. Lloyd, "Least squares quantization in PCM" (1982); D. Arthur, S. Vassilvitskii,
    "k-means++" (2007); F. Petitjean et al., "A global averaging method for dynamic time warping"
    (2011). A tie goes to the lower cluster; an emptied cluster takes the signal that is farthest
    from its centroid.

    Examples
    --------
    >>> kmean([[0.0, 0.0, 1.0], [5.0, 6.0, 5.0], [0.0, 1.0, 1.0]]).tolist()
    [0, 1, 0]
    """
    x = as_signals(signals)
    if cluster_number > len(x):
        raise UnfitSignalError(f"{cluster_number} clusters need as many signals, got {len(x)}")
    power = scaling_exponent(x)
    x, epsilon = scale_down(x, power), np.ldexp(epsilon_criteria, -power)
    near = _Nearness(metric, centroid, -1 if band is None else band)
    first: Sequence[int] = range(cluster_number)
    if init == "kmeans++":
        first = _spread_out(x, cluster_number, near, np.random.Generator(np.random.PCG64(seed)), everywhere)
    if metric == "euclidean" and suits_pairwise(x):
        found = PairwiseKmeans(x, everywhere).labels(first, max_iterations, epsilon)
        if found is not None:
            return _by_size(found, cluster_number)
    centroids = x[list(first)]
    labels = _assigned(x, centroids, near, everywhere)
    for _ in range(max_iterations - 1):
        moved = _centroids(x, centroids, labels, near, everywhere)
        change = np.abs(moved - centroids).max(axis=1).sum()
        if change < epsilon or change == 0:  # from here on nothing would change any more
            break
        centroids = moved
        labels = _assigned(x, centroids, near, everywhere)
    return _by_size(labels, cluster_number)


def _spread_out(
    x: Array, count: int, near: _Nearness, draw: np.random.Generator, everywhere: BlockMap
) -> Sequence[int]:
    """Choose the first members: each draw prefers what is far from those chosen before."""
    chosen = [int(draw.integers(len(x)))]
    nearest = np.full(len(x), np.inf)
    while len(chosen) < count:
        to_last = partial(_nearest, x, x[chosen[-1:]], near)
        nearest = np.minimum(nearest, everywhere(to_last, len(x))[:, 1])
        chosen.append(_drawn(nearest, chosen, draw))
    return chosen


def _drawn(nearest: Array, chosen: list[int], draw: np.random.Generator) -> int:
    """Draw a signal with probability proportional to its squared distance."""
    if nearest.max() == 0:  # only copies of the chosen are left
        return next(i for i in range(len(nearest)) if i not in chosen)
    weights = np.cumsum((nearest / nearest.max()) ** 2)
    return int(np.searchsorted(weights, draw.random() * weights[-1], side="right"))


def _assigned(x: Array, centroids: Array, near: _Nearness, everywhere: BlockMap) -> Labels:
    """Return the nearest centroid of each signal; none stays without a signal."""
    found = everywhere(partial(_nearest, x, centroids, near), len(x))
    labels, distances = found[:, 0].astype(np.int64), found[:, 1].copy()
    for cluster in np.flatnonzero(np.bincount(labels, minlength=len(centroids)) == 0):
        shared = np.bincount(labels, minlength=len(centroids))[labels] > 1
        farthest = int(np.argmax(np.where(shared, distances, -1)))
        labels[farthest], distances[farthest] = cluster, 0
    return labels


def _nearest(x: Array, centroids: Array, near: _Nearness, block: slice) -> Array:
    """Return (label, distance) of each signal of a block."""
    if near.metric == "euclidean":
        return euclidean.nearest_centroids(x[block], centroids)
    out = np.empty((len(x[block]), 2))
    _nearest_dtw(x[block], centroids, near.radius, out, dtw.scratch_array(x.shape[1], x.dtype))
    return out


@compiled
def _nearest_dtw(x: Array, centroids: Array, radius: int, out: Array, scratch: Array) -> None:
    for i in range(len(x)):
        label, least = 0, np.inf
        for c in range(len(centroids)):
            distance = float(dtw.bounded_distance(x[i], centroids[c], radius, 0, least, scratch))
            if distance < least:
                label, least = c, distance
        out[i, 0], out[i, 1] = label, least


def _centroids(x: Array, before: Array, labels: Labels, near: _Nearness, everywhere: BlockMap) -> Array:
    """Return the new centroids."""
    if near.metric == "euclidean" or near.centroid == "mean":
        sizes = np.bincount(labels, minlength=len(before))[:, np.newaxis]
        return np.asarray(_added(x, labels, len(before), everywhere) / sizes.astype(x.dtype))
    laid = everywhere(partial(_laid_on, x, before, labels, near.radius), len(x)).reshape(len(x), -1)
    totals = _added(laid, labels, len(before), everywhere).reshape(-1, 2, x.shape[1])
    return np.asarray((totals[:, 0] / totals[:, 1]).astype(x.dtype))


def _added(rows: Array, labels: Labels, clusters: int, everywhere: BlockMap) -> Array:
    """Return the sums of the members, added in the order of the input; samples are what is shared out."""
    totals = everywhere(partial(_added_between, rows, labels, clusters), rows.shape[1])
    return np.ascontiguousarray(totals.T)


def _added_between(rows: Array, labels: Labels, clusters: int, block: slice) -> Array:
    totals = np.zeros((clusters, len(range(*block.indices(rows.shape[1])))), rows.dtype)
    _add_up(rows, labels, block.start or 0, totals)
    return totals.T


@compiled
def _add_up(rows: Array, labels: Labels, first: int, totals: Array) -> None:
    for i in range(len(rows)):
        total, row = totals[labels[i]], rows[i][first:]
        for t in range(len(total)):
            total[t] += row[t]


def _laid_on(x: Array, centroids: Array, labels: Labels, radius: int, block: slice) -> Array:
    """Return, per signal of a block, what its best path lays on each sample of its centroid: sum, count."""
    own = x[block]
    out, samples = np.zeros((len(own), 2, x.shape[1])), x.shape[1]
    table = np.empty((samples + 1, samples + 1), x.dtype)
    for signal, label, (sums, counts) in zip(own, labels[block], out, strict=True):
        dtw.path_sums(centroids[label], signal, radius, sums, counts, table)
    return out


def _by_size(labels: Labels, count: int) -> Labels:
    """Renumber the clusters by falling size, ties by their first member."""
    sizes = np.bincount(labels, minlength=count)
    first = [int(np.argmax(labels == c)) for c in range(count)]
    order = sorted(range(count), key=lambda c: (-sizes[c], first[c]))
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    return rank[labels]
