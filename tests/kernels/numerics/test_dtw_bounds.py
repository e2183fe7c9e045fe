"""Envelopes against their definition, and lower bounds against the table filled cell by cell."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.numerics import dtw_bounds
from tests.kernels import naive

SIGNALS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=25)
FLAGS = st.booleans()


@given(SIGNALS, st.integers(1, 30), st.integers(0, 30))
def test_envelopes(y: list[float], samples: int, more: int) -> None:
    reach = abs(samples - len(y)) + more
    low, high = np.empty((2, 1, samples))
    dtw_bounds.write_envelopes(np.array([y]), reach, low, high, np.zeros((2, len(y)), np.int64))
    near = [y[max(0, i - reach) : i + reach + 1] for i in range(samples)]
    assert low[0].tolist() == [min(some) for some in near]
    assert high[0].tolist() == [max(some) for some in near]


@given(SIGNALS, SIGNALS, st.integers(0, 25), FLAGS)
def test_bounds_are_below_the_distance(x: list[float], y: list[float], band: int, squared: bool) -> None:  # noqa: FBT001
    reach, queues = max(band, abs(len(x) - len(y))), np.zeros((2, 25), np.int64)
    low, high = np.empty((2, 1, len(x)))
    dtw_bounds.write_envelopes(np.array([y]), reach, low, high, queues)
    own_low, own_high = np.empty((2, 1, len(y)))
    dtw_bounds.write_envelopes(np.array([x]), reach, own_low, own_high, queues)
    bound = only_bound(x, y, (low, high), (own_low, own_high), squared=squared)
    assert 0 <= bound <= naive.dtw(x, y, band, squared=squared)


def only_bound(x: list[float], y: list[float], envelope: Any, own: Any, *, squared: bool) -> float:
    bounds, sums, columns = np.empty((1, 1)), np.empty((2, dtw_bounds.TILE, 1)), np.array([y]).T.copy()
    low, high = envelope[0].T.copy(), envelope[1].T.copy()
    dtw_bounds.write_bounds(columns, low, high, np.array([x]), own[0], own[1], int(squared), bounds, sums)
    return float(bounds[0, 0])


def test_a_bound_has_the_costs_of_both_corners() -> None:
    x, y = [7.0, 1.0, 1.0, 8.0], [2.0, 2.0, 2.0, 2.0]
    envelope, own = (np.full((1, 4), 2.0),) * 2, (np.full((1, 4), 1.0), np.full((1, 4), 8.0))
    assert 13 * (1 - 1e-12) < only_bound(x, y, envelope, own, squared=False) <= 13
    assert 63 * (1 - 1e-12) < only_bound(x, y, envelope, own, squared=True) <= 63


def test_a_bound_has_the_least_cost_beside_a_corner() -> None:
    x, y = [0.0, 9.0, 0.0, 0.0, 0.0, 0.0], [0.0, 5.0, 0.0, 9.0, 0.0, 0.0]
    envelope = own = (np.full((1, 6), 0.0), np.full((1, 6), 9.0))
    assert 4 * (1 - 1e-12) < only_bound(x, y, envelope, own, squared=False) <= 4
    assert 4 * (1 - 1e-12) < only_bound(x[::-1], y[::-1], envelope, own, squared=False) <= 4


def test_the_bound_of_one_sample_counts_it_once() -> None:
    envelope, own = (np.array([[1.0]]),) * 2, (np.array([[3.0]]),) * 2
    assert 2 * (1 - 1e-13) < only_bound([3.0], [1.0], envelope, own, squared=False) <= 2
