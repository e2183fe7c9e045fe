"""Euclidean k-means of few long signals from their pairwise squared distances, which are computed once.

With ``D[i, j]`` the squared distance of two signals, the squared distance of signal ``i`` from the mean of a
cluster ``M`` is ``mean(D[i, M]) - mean(D[M, M]) / 2``: no step reads the samples again. Bounds on the
rounding errors, here and in the ordinary steps, decide whether both lead to the same labels; if not, the
result is None.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hpc_kernels.arrays import Array, Labels
from hpc_kernels.numerics import euclidean

_MOST_SIGNALS = 64  # at most: the pairs of more take longer than the two or three steps that many inputs need
_LEAST_SIZE = 1 << 20  # cells at least: fewer stay in the cache, where the ordinary steps are fast
_SAFETY = 4.0  # factor on the bounds of rounding errors


def suits_pairwise(x: Array) -> bool:
    """Return whether signals are few and long enough for pairwise distances to be faster."""
    return x.dtype == np.float64 and len(x) <= _MOST_SIGNALS and x.size >= _LEAST_SIZE


class PairwiseKmeans:
    """Pairwise squared distances of signals, and k-means on them."""

    def __init__(self, x: Array, parallel_map: Callable[[partial[Array], int], Array]) -> None:
        upper = parallel_map(partial(_squares_between, x), x.shape[1]).sum(axis=0)
        self._squares = upper + upper.T
        self._samples = x.shape[1]
        eps = _SAFETY * np.finfo(np.float64).eps
        self._doubt = eps * (x.shape[1] + len(x))  # of a squared distance, relative to the sum of its terms
        longest = np.sqrt(np.square(x[0]).sum()) + np.sqrt(self._squares[0].max())  # no signal is longer
        self._blur = eps * (len(x) + 2) * longest  # bound on the displacement of a mean by rounding

    def labels(self, first: Sequence[int], max_iterations: int, epsilon: float) -> Labels | None:
        """Return the labels of k-means from these first members; None if rounding errors might decide."""
        weights = np.eye(len(self._squares))[list(first)]
        labels = self._assign_clusters(weights)
        for _ in range(max_iterations - 1):
            if labels is None:
                return None
            moved = np.zeros_like(weights)
            moved[labels, np.arange(len(labels))] = 1 / np.bincount(labels)[labels]
            goes_on = self._goes_on(moved - weights, epsilon)
            if goes_on is None:
                return None
            if not goes_on:
                break
            weights = moved
            labels = self._assign_clusters(weights)
        return labels

    def _assign_clusters(self, weights: Array) -> Labels | None:
        """Return the cluster of each signal; None if one is uncertain or a cluster is empty."""
        to_members = self._to(weights)
        inside = (to_members * weights).sum(axis=1, keepdims=True) / 2
        squares = to_members - inside
        far = np.sqrt(np.maximum(squares, 0))
        doubt = 2 * self._doubt * (to_members + inside) + 2 * far * self._blur + self._blur**2
        labels = squares.argmin(axis=0)
        at, lowest = (labels, np.arange(len(labels))), squares - doubt
        lowest[at] = np.inf
        sure = (lowest.min(axis=0) > (squares + doubt)[at]).all()
        return labels if sure and np.bincount(labels, minlength=len(weights)).all() else None

    def _goes_on(self, moves: Array, epsilon: float) -> bool | None:
        """Return whether means, as weights of the signals, move by more than `epsilon`; None if uncertain."""
        moves = moves[moves.any(axis=1)]
        if not len(moves):
            return False
        squares = -(self._to(moves) * moves).sum(axis=1) / 2
        doubt = self._doubt * (self._to(np.abs(moves)) * np.abs(moves)).sum(axis=1)
        least = np.maximum(np.sqrt(np.maximum(squares - doubt, 0)) - 2 * self._blur, 0).sum()
        if least > epsilon * np.sqrt(
            self._samples
        ):  # the largest of n changes is at least that share of them
            return True
        most = (np.sqrt(squares + doubt) + 2 * self._blur).sum()
        return False if most < epsilon else None

    def _to(self, weights: Array) -> Array:
        """Return the weighted sums of squared distances, added in order: all ranks have to decide alike.

        A matrix product may round differently on another processor, and would start threads.
        """
        return np.asarray((weights[:, :, np.newaxis] * self._squares).sum(axis=1))


def _squares_between(x: Array, samples: slice) -> Array:
    return euclidean.pairwise_squares(x, samples)[np.newaxis]
