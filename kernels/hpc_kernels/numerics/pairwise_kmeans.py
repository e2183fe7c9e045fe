"""Euclidean k-means of few long signals by their distances from each other, found once, where that is sure.

With ``D[i, j]`` the squared distance of two signals, the mean of a cluster ``M`` is ``mean(D[i, M]) -
mean(D[M, M]) / 2`` from signal ``i``, squared: no step looks at the samples again. What rounding may change,
here and in the steps that do look at them, is bounded; where they might decide otherwise, there is no answer.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hpc_kernels.arrays import Array, Labels
from hpc_kernels.numerics import euclidean

_MOST_SIGNALS = 64  # with more, their distances take longer than the two or three steps that many inputs need
_LEAST_SIZE = 1 << 20  # cells; fewer stay in the cache, where the steps are fast
_SAFETY = 4.0  # times the bounds of rounding


def suits_pairwise(x: Array) -> bool:
    """Tell whether signals are so few and so long that this way pays."""
    return x.dtype == np.float64 and len(x) <= _MOST_SIGNALS and x.size >= _LEAST_SIZE


class PairwiseKmeans:
    """Signals of which only the squared distances are known from here on."""

    def __init__(self, x: Array, everywhere: Callable[[partial[Array], int], Array]) -> None:
        upper = everywhere(partial(_squares_between, x), x.shape[1]).sum(axis=0)
        self._squares = upper + upper.T
        self._samples = x.shape[1]
        eps = _SAFETY * np.finfo(np.float64).eps
        self._doubt = eps * (x.shape[1] + len(x))  # of a squared distance, relative to what it is made of
        longest = np.sqrt(np.square(x[0]).sum()) + np.sqrt(self._squares[0].max())  # no signal is longer
        self._blur = eps * (len(x) + 2) * longest  # how far from its place rounding may leave a mean

    def labels(self, first: Sequence[int], max_iterations: int, epsilon: float) -> Labels | None:
        """Return what `kmean` makes of these first members; None where rounding might decide."""
        weights = np.eye(len(self._squares))[list(first)]
        labels = self._assigned(weights)
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
            labels = self._assigned(weights)
        return labels

    def _assigned(self, weights: Array) -> Labels | None:
        """Return the cluster of each signal where that is sure and none stays empty."""
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
        """Tell whether means that move so (in weights of the signals) move far enough; None if unsure."""
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
        """Return the sums of squared distances, so weighted, added in order: all ranks must decide alike.

        A product of matrices may be rounded otherwise on another processor, and would wake threads.
        """
        return np.asarray((weights[:, :, np.newaxis] * self._squares).sum(axis=1))


def _squares_between(x: Array, samples: slice) -> Array:
    return euclidean.pairwise_squares(x, samples)[np.newaxis]
