"""k-nearest-neighbour classification of signals, under dynamic time warping or the Euclidean distance."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hpc_kernels.arrays import Array, Labels, as_signals
from hpc_kernels.errors import UnfitSignalError
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.numerics import euclidean
from hpc_kernels.numerics.dtw_nearest import Candidates
from hpc_kernels.numerics.scaling import scale_down, scaling_exponents

_TOGETHER, _SAMPLES = (
    16,
    1 << 18,
)  # queries and samples of a block: more of the one only with fewer of the other
_SHAPES = 4  # of queries whose envelopes are kept: each takes twice the memory of the training signals

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
    lower bound by envelopes; M. Herrmann, G. I. Webb (2021) for pruning. They skip work and never
    change a label.

    Examples
    --------
    >>> knn([[0.0, 1.0], [5.0, 6.0]], [3, 4], [[0.0, 0.0, 1.0]], k_nearest_neighbor=1).tolist()
    [3]
    """
    return Classifier(training, labels, k_nearest_neighbor, metric=metric, cost=cost, band=band).classes(
        queries
    )


class Classifier:
    """Training signals with their classes; work that queries share is done once for each shape of a query."""

    def __init__(
        self,
        training: ArrayLike,
        labels: ArrayLike,
        k_nearest_neighbor: int = 7,
        *,
        metric: Literal["dtw", "euclidean"] = "dtw",
        cost: Literal["absolute", "squared"] = "absolute",
        band: int | None = None,
    ) -> None:
        x = as_signals(training)
        if k_nearest_neighbor > len(x):
            raise UnfitSignalError(
                f"{k_nearest_neighbor} neighbours need as many training signals, got {len(x)}"
            )
        self._training, self._classes, self._neighbours = x, np.asarray(labels, np.int64), k_nearest_neighbor
        self._warped, self._squared = metric == "dtw", cost == "squared"
        self._radius = -1 if band is None else band
        self._extremes = np.array([x.min(), x.max()])
        self._candidates: dict[_Shape, Candidates] = {}

    def classes(self, queries: list[Array]) -> Labels:
        """Return the class of each query; `knn` tells which one."""
        found = [self._vote(shape, block) for shape, block in _blocks_of_one_shape(queries, self._extremes)]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _vote(self, shape: _Shape, block: Array) -> Labels:
        nearest = self._classes[self._nearest(shape, block)]
        if self._neighbours == 1:
            return nearest[:, 0]
        return np.array([_most_frequent(classes) for classes in nearest.tolist()])

    def _nearest(self, shape: _Shape, block: Array) -> Labels:
        """Return the indices of the nearest training signals of each query of a block, from near to far."""
        if self._warped:
            return self._candidates_for(shape).nearest(block, self._neighbours)[0]
        samples, power = shape
        _check_length(samples, self._training.shape[1])
        squares = np.empty((len(block), len(self._training)))
        _write_squares(scale_down(self._training, power), block, squares)
        return np.argsort(squares, axis=1, kind="stable")[:, : self._neighbours]

    def _candidates_for(self, shape: _Shape) -> Candidates:
        found = self._candidates.get(shape)
        if found is None:  # two threads may both prepare them, with the same result
            samples, power = shape
            training = scale_down(self._training, power)
            found = Candidates(training, samples, radius=self._radius, squared=self._squared)
            if len(self._candidates) >= _SHAPES:
                self._candidates.clear()
            self._candidates[shape] = found
        return found


def _blocks_of_one_shape(queries: list[Array], extremes: Array) -> Iterator[tuple[_Shape, Array]]:
    """Yield blocks of consecutive queries of one shape, in order.

    A shape is the number of samples and the scaling exponent of the query beside the `extremes` of the
    training signals.
    """
    for samples, run in groupby(queries, len):
        while some := list(islice(run, max(_TOGETHER, _SAMPLES // samples))):
            block = np.array(some, extremes.dtype)
            powers = scaling_exponents(block, extremes).tolist()
            first = 0
            for power, equal in groupby(powers):
                last = first + len(list(equal))
                yield (samples, power), scale_down(block[first:last], power)
                first = last


def _check_length(query: int, training: int) -> None:
    if query != training:
        text = f"the Euclidean metric needs signals of one length, got {query} samples beside {training}"
        raise UnfitSignalError(text)


def _most_frequent(classes: list[int]) -> int:
    """Return the most frequent of `classes`, which are ordered from near to far."""
    votes = Counter(classes)
    most = max(votes.values())
    return next(label for label in classes if votes[label] == most)


@compiled
def _write_squares(training: Array, queries: Array, out: Array) -> None:
    for q in range(len(queries)):
        for i in range(len(training)):
            out[q, i] = euclidean.squared_distance(training[i], queries[q])
