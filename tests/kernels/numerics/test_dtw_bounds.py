"""Envelopes against their definition, and lower bounds against the table filled cell by cell."""

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
    bounds = np.empty((1, 1))
    reach, (low, high), own = (
        max(band, abs(len(x) - len(y))),
        np.empty((2, 1, len(x))),
        np.empty((2, 1, len(y))),
    )
    queues = np.zeros((2, 25), np.int64)
    dtw_bounds.write_envelopes(np.array([y]), reach, low, high, queues)
    dtw_bounds.write_envelopes(np.array([x]), reach, own[0], own[1], queues)
    dtw_bounds.write_bounds(np.array([y]), low, high, np.array([x]), own[0], own[1], int(squared), bounds)
    assert 0 <= bounds[0, 0] <= naive.dtw(x, y, band, squared=squared)


def test_the_bound_of_one_sample_is_close() -> None:
    bounds, envelope = np.empty((1, 1)), np.array([[1.0]])
    x, y = np.array([[3.0]]), np.array([[1.0]])
    dtw_bounds.write_bounds(y, envelope, envelope, x, x, x, 0, bounds)
    assert 2 * (1 - 1e-13) < bounds[0, 0] <= 2
