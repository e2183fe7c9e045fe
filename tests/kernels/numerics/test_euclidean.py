"""The nearest centroid against the formula, for any number of signals, centroids and samples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.jit.vector_intrinsics import VECTOR_DOUBLES
from hpc_kernels.numerics import euclidean
from hpc_kernels.numerics.euclidean import _FEW, _PIECE, _ROWS, _TOGETHER


@given(
    signals=st.integers(1, 3 * _ROWS),
    samples=st.one_of(st.integers(1, 20), st.sampled_from([_PIECE - 1, _PIECE, _PIECE + 1, 3 * _PIECE])),
    centroids=st.integers(1, 3 * VECTOR_DOUBLES),
    kind=st.sampled_from([np.float64, np.float32]),
)
def test_against_the_formula(signals: int, samples: int, centroids: int, kind: Any) -> None:
    rng = np.random.default_rng(signals)
    x, y = (rng.standard_normal((rows, samples)).astype(kind) for rows in (signals, centroids))
    apart = np.sqrt(((x[:, np.newaxis].astype(float) - y) ** 2).sum(axis=2))
    labels, distances = euclidean.nearest_centroids(x, y).T
    assert distances == pytest.approx(apart.min(axis=1), rel=1e-12 if kind is np.float64 else 1e-5)
    assert labels.tolist() == apart.argmin(axis=1).tolist()


@pytest.mark.parametrize("centroids", range(2, 2 * VECTOR_DOUBLES + 2))
def test_a_tie_goes_to_the_lower_one(centroids: int) -> None:
    x, one = np.random.default_rng(0).standard_normal((2, 20, 301))
    assert not euclidean.nearest_centroids(x, np.repeat(one[:1], centroids, axis=0))[:, 0].any()


@pytest.mark.parametrize("centroids", [_FEW, _FEW + 1, 2 * VECTOR_DOUBLES + 1])
def test_neighbours_change_no_bit(centroids: int) -> None:
    x = np.random.default_rng(0).standard_normal((_TOGETHER + _ROWS + 1, 70))
    y = np.random.default_rng(1).standard_normal((centroids, 70))
    whole = euclidean.nearest_centroids(x, y)
    for start, stop in ((0, 1), (1, 9), (5, _TOGETHER + 5), (_TOGETHER - 1, len(x))):
        assert np.array_equal(euclidean.nearest_centroids(x[start:stop], y), whole[start:stop])


@pytest.mark.parametrize("centroids", [2, 9])
def test_numbers_whose_squares_are_infinite(centroids: int) -> None:
    x, y = np.full((3, 5), 1e300), np.zeros((centroids, 5))
    labels, distances = euclidean.nearest_centroids(x, y).T
    assert labels.tolist() == [0, 0, 0]
    assert np.isinf(distances).all()
