"""k-means clustering of whole signals, under dynamic time warping or the Euclidean distance."""

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
from hpc_kernels.numerics.dtw_nearest import Candidates
from hpc_kernels.numerics.pairwise_kmeans import PairwiseKmeans, suits_pairwise
from hpc_kernels.numerics.scaling import scale_down, scaling_exponent

BlockMap = Callable[[partial[Array], int], Array]


def map_here(kernel: partial[Array], count: int) -> Array:
    """Compute a kernel for all signals on this thread."""
    return kernel(slice(count))


@dataclass(frozen=True)
class _Geometry:
    """The metric, the average of the members of a cluster, and the Sakoe-Chiba radius (-1 for none)."""

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
    parallel_map: BlockMap = map_here,
) -> Labels:
    """Return the cluster of each signal; 0 is the largest one (of equal ones, that of the earliest signal).

    Parameters
    ----------
    signals : array_like, shape (signals, samples)
        Finite values; float32 is computed in single precision, everything else in double.
    cluster_number : int
        Clusters, at least 1 and at most the number of signals.
    epsilon_criteria : float
        Stop when the sum over clusters of the largest absolute change of a centroid is below it.
    max_iterations : int
        Largest number of assignments.
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
    parallel_map : callable
        Map of a function of a block of signals over all signals, on threads and ranks.

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
    geometry = _Geometry(metric, centroid, -1 if band is None else band)
    first: Sequence[int] = range(cluster_number)
    if init == "kmeans++":
        draw = np.random.Generator(np.random.PCG64(seed))
        first = _choose_first(x, cluster_number, geometry, draw, parallel_map)
    if metric == "euclidean" and suits_pairwise(x):
        found = PairwiseKmeans(x, parallel_map).labels(first, max_iterations, epsilon)
        if found is not None:
            return _number_by_size(found, cluster_number)
    centroids = x[list(first)]
    labels = _assign_clusters(x, centroids, geometry, parallel_map)
    for _ in range(max_iterations - 1):
        moved = _centroids(x, centroids, labels, geometry, parallel_map)
        change = np.abs(moved - centroids).max(axis=1).sum()
        if change < epsilon or change == 0:  # no later step changes anything
            break
        centroids = moved
        labels = _assign_clusters(x, centroids, geometry, parallel_map)
    return _number_by_size(labels, cluster_number)


def _choose_first(
    x: Array, count: int, geometry: _Geometry, draw: np.random.Generator, parallel_map: BlockMap
) -> Sequence[int]:
    """Choose the first members by k-means++: each draw prefers signals far from the chosen ones."""
    chosen = [int(draw.integers(len(x)))]
    nearest = np.full(len(x), np.inf)
    while len(chosen) < count:
        to_last = partial(_nearest, x, x[chosen[-1:]], geometry)
        nearest = np.minimum(nearest, parallel_map(to_last, len(x))[:, 1])
        chosen.append(_draw_signal(nearest, chosen, draw))
    return chosen


def _draw_signal(nearest: Array, chosen: list[int], draw: np.random.Generator) -> int:
    """Draw a signal with probability proportional to its squared distance."""
    if nearest.max() == 0:  # all others are copies of the chosen ones
        return next(i for i in range(len(nearest)) if i not in chosen)
    weights = np.cumsum((nearest / nearest.max()) ** 2)
    return int(np.searchsorted(weights, draw.random() * weights[-1], side="right"))


def _assign_clusters(x: Array, centroids: Array, geometry: _Geometry, parallel_map: BlockMap) -> Labels:
    """Return the nearest centroid of each signal; an emptied cluster takes the farthest signal."""
    found = parallel_map(partial(_nearest, x, centroids, geometry), len(x))
    labels, distances = found[:, 0].astype(np.int64), found[:, 1].copy()
    for cluster in np.flatnonzero(np.bincount(labels, minlength=len(centroids)) == 0):
        shared = np.bincount(labels, minlength=len(centroids))[labels] > 1
        farthest = int(np.argmax(np.where(shared, distances, -1)))
        labels[farthest], distances[farthest] = cluster, 0
    return labels


def _nearest(x: Array, centroids: Array, geometry: _Geometry, block: slice) -> Array:
    """Return label and distance of each signal of a block."""
    if geometry.metric == "euclidean":
        return euclidean.nearest_centroids(x[block], centroids)
    candidates = Candidates(centroids, x.shape[1], radius=geometry.radius)
    labels, distances = candidates.nearest(x[block], 1)
    return np.concatenate([labels, distances], axis=1)


def _centroids(x: Array, before: Array, labels: Labels, geometry: _Geometry, parallel_map: BlockMap) -> Array:
    """Return the new centroids."""
    if geometry.metric == "euclidean" or geometry.centroid == "mean":
        sizes = np.bincount(labels, minlength=len(before))[:, np.newaxis]
        return np.asarray(_sum_members(x, labels, len(before), parallel_map) / sizes.astype(x.dtype))
    laid = parallel_map(partial(_align_block, x, before, labels, geometry.radius), len(x)).reshape(len(x), -1)
    totals = _sum_members(laid, labels, len(before), parallel_map).reshape(-1, 2, x.shape[1])
    return np.asarray((totals[:, 0] / totals[:, 1]).astype(x.dtype))


def _sum_members(rows: Array, labels: Labels, clusters: int, parallel_map: BlockMap) -> Array:
    """Return the sums of the members, added in input order; ranks and threads share the samples."""
    totals = parallel_map(partial(_sum_block, rows, labels, clusters), rows.shape[1])
    return np.ascontiguousarray(totals.T)


def _sum_block(rows: Array, labels: Labels, clusters: int, block: slice) -> Array:
    totals = np.zeros((clusters, len(range(*block.indices(rows.shape[1])))), rows.dtype)
    _add_up(rows, labels, block.start or 0, totals)
    return totals.T


@compiled
def _add_up(rows: Array, labels: Labels, first: int, totals: Array) -> None:
    for i in range(len(rows)):
        total, row = totals[labels[i]], rows[i][first:]
        for t in range(len(total)):
            total[t] += row[t]


def _align_block(x: Array, centroids: Array, labels: Labels, radius: int, block: slice) -> Array:
    """Return, per signal, sums and counts of its samples that the best path aligns with its centroid."""
    own = x[block]
    out, samples = np.zeros((len(own), 2, x.shape[1])), x.shape[1]
    table = np.empty((samples + 1, samples + 1), x.dtype)
    for signal, label, (sums, counts) in zip(own, labels[block], out, strict=True):
        dtw.path_sums(centroids[label], signal, radius, sums, counts, table)
    return out


def _number_by_size(labels: Labels, count: int) -> Labels:
    """Renumber the clusters by falling size, ties by their first member."""
    sizes = np.bincount(labels, minlength=count)
    first = [int(np.argmax(labels == c)) for c in range(count)]
    order = sorted(range(count), key=lambda c: (-sizes[c], first[c]))
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    return rank[labels]
