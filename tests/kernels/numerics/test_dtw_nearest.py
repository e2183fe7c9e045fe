"""Nearest neighbours under dynamic time warping against all distances, cell by cell."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.numerics import dtw
from hpc_kernels.numerics.dtw_nearest import Candidates
from tests.kernels import naive

CELLS = 60_000  # of all tables of an example, which a second or two fill
LENGTHS = st.one_of(st.integers(1, 40), st.integers(1, 300))
KINDS = st.sampled_from(["walks", "coarse walks", "constant", "peaks"])


def made(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Return signals of a kind; coarse and constant ones have many equal distances."""
    if kind == "constant":
        return np.repeat(rng.integers(0, 3, (shape[0], 1)).astype(float), shape[1], axis=1)
    if kind == "peaks":
        return np.where(rng.random(shape) < 0.1, 5.0, 0.0)
    steps = rng.standard_normal(shape) if kind == "walks" else rng.integers(-1, 2, shape).astype(float)
    return steps.cumsum(axis=1)


def expected(
    training: Any, query: Any, count: int, band: int | None, *, squared: bool
) -> tuple[list[int], list[float]]:
    signals = list(map(list, training))
    distances = [float(naive.dtw(list(query), signal, band, squared=squared)) for signal in signals]
    order = sorted(range(len(signals)), key=distances.__getitem__)[:count]
    return order, [distances[i] for i in order]


@given(LENGTHS, LENGTHS, KINDS, st.booleans(), st.booleans(), st.data())
def test_against_the_definition(n: int, m: int, kind: str, squared: bool, single: bool, data: Any) -> None:  # noqa: FBT001, PLR0917
    fit = max(2, CELLS // (n * m))
    queries_count = data.draw(st.integers(1, min(11, fit // 2)))
    training_count = data.draw(st.integers(1, max(1, min(19, fit // queries_count))))
    band = data.draw(st.one_of(st.none(), st.integers(0, max(n, m))))
    count = data.draw(st.integers(1, training_count))
    rng, kind_of_number = np.random.default_rng(data.draw(st.integers(0, 10**6))), "f4" if single else "f8"
    training = made(kind, rng, (training_count, m)).astype(kind_of_number)
    queries = made(kind, rng, (queries_count, n)).astype(kind_of_number)
    candidates = Candidates(training, n, radius=-1 if band is None else band, squared=squared)
    neighbours, distances = candidates.nearest(queries, count)
    for query, got, far in zip(queries, neighbours.tolist(), distances.tolist(), strict=True):
        assert (got, far) == expected(training, query, count, band, squared=squared)


@pytest.mark.parametrize("radius", [-1, 0, 3, 40])
@pytest.mark.parametrize("count", [1, 4, 50])
def test_any_blocks_of_queries(radius: int, count: int) -> None:
    """One query fills the lanes with its own candidates; two pairs that are left go along their diagonals."""
    rng = np.random.default_rng(3)
    training, queries = made("coarse walks", rng, (50, 37)), made("walks", rng, (33, 41))
    candidates = Candidates(training, 41, radius=radius)
    whole = candidates.nearest(queries, count)
    for size in (1, 2, 7, 16):
        parts = [candidates.nearest(queries[first : first + size], count) for first in range(0, 33, size)]
        for got, all_at_once in zip(zip(*parts, strict=True), whole, strict=True):
            assert np.concatenate(got).tobytes() == all_at_once.tobytes()


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("radius", [-1, 100])
def test_long_walks_against_single_pairs(radius: int, squared: bool) -> None:  # noqa: FBT001
    training, queries = np.random.default_rng(5).standard_normal((2, 20, 1000)).cumsum(axis=2)
    got = Candidates(training, 1000, radius=radius, squared=squared).nearest(queries[:9], 3)
    for query, neighbours, distances in zip(queries, *got, strict=False):
        alone = [dtw.distance(query, signal, radius=radius, squared=squared) for signal in training]
        order = sorted(range(20), key=alone.__getitem__)[:3]
        assert neighbours.tolist() == order
        assert distances.tolist() == [alone[i] for i in order]
