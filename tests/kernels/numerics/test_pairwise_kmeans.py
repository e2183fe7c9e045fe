"""k-means from pairwise distances: the labels of k-means on the samples, or None."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hpc_kernels import kmean
from hpc_kernels.arrays import Labels
from hpc_kernels.numerics import pairwise_kmeans
from hpc_kernels.numerics.pairwise_kmeans import PairwiseKmeans
from hpc_kernels.services.kmean import map_here


def both_ways(x: Any, **options: Any) -> tuple[Labels, Labels]:
    """Return the labels by the samples and by the distances."""
    found = []
    for least in (1 << 60, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pairwise_kmeans, "_LEAST_SIZE", least)
            found.append(kmean(x, metric="euclidean", **options))
    return found[0], found[1]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Note whether the distances alone gave an answer, each time."""
    given_ones: list[bool] = []
    labels = PairwiseKmeans.labels

    def noted(few: PairwiseKmeans, *arguments: Any) -> Labels | None:
        found = labels(few, *arguments)
        given_ones.append(found is not None)
        return found

    monkeypatch.setattr(PairwiseKmeans, "labels", noted)
    yield given_ones
    assert given_ones


@pytest.mark.parametrize("offset", [0, 1e3, -1e7])
@pytest.mark.parametrize("init", ["first", "kmeans++"])
def test_the_labels_are_those_of_the_samples(answers: list[bool], offset: float, init: str) -> None:
    for seed in range(10):
        draw = np.random.default_rng(seed)
        x = draw.standard_normal((draw.integers(5, 100), 300)).cumsum(axis=1) + offset
        count = int(draw.integers(1, 5))
        one, other = both_ways(x, cluster_number=count, init=init, seed=seed, max_iterations=30)
        assert np.array_equal(one, other)
    assert np.mean(answers) > 0.9  # not by giving up


@settings(deadline=None, max_examples=60)
@given(
    some.integers(1, 12).flatmap(
        lambda count: some.tuples(
            some.lists(
                some.lists(
                    some.sampled_from([0.0, 1.0, -1.0, 1.5, 1e9, 1e-9, 1e150]), min_size=3, max_size=3
                ),
                min_size=count,
                max_size=count,
            ),
            some.integers(1, count),
        )
    ),
    some.integers(1, 6),
    some.sampled_from([0.0, 1e-5, 0.5, 1.0]),
)
def test_ties_copies_and_emptied_clusters(
    drawn: tuple[list[list[float]], int], iterations: int, epsilon: float
) -> None:
    signals, count = drawn
    one, other = both_ways(
        signals, cluster_number=count, init="first", max_iterations=iterations, epsilon_criteria=epsilon
    )
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("signals", "count", "epsilon"),
    [
        ([[0.0, 0], [2, 0], [1, 0]], 2, 1e-5),  # as far from one as from the other
        ([[0.0, 0], [0, 0], [5, 0]], 2, 1e-5),  # a second cluster without a signal of its own
        ([[0.0], [4], [1]], 2, 0.5),  # the mean moves by exactly epsilon
        ([[0.0, 0], [4, 0], [1, 0.1]], 2, 0.4),  # by more than that, or less: the distance does not tell
    ],
)
def test_an_uncertain_label_has_no_answer(signals: list[list[float]], count: int, epsilon: float) -> None:
    assert PairwiseKmeans(np.array(signals), map_here).labels(range(count), 10, epsilon) is None
    one, other = both_ways(signals, cluster_number=count, init="first", epsilon_criteria=epsilon)
    assert np.array_equal(one, other)


def test_it_is_for_few_long_signals_in_double_precision() -> None:
    assert pairwise_kmeans.suits_pairwise(np.empty((64, 1 << 14)))
    for other in (np.empty((64, 100)), np.empty((1000, 1 << 11)), np.empty((64, 1 << 14), np.float32)):
        assert not pairwise_kmeans.suits_pairwise(other)
