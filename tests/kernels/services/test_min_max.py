"""Min-max scaling against scikit-learn and the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.preprocessing import minmax_scale

from hpc_kernels import min_max
from tests.kernels import naive

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_real_data_against_scikit_learn(acceleration_values: NDArray[np.float64]) -> None:
    expected = minmax_scale(acceleration_values, feature_range=(-2, 3), axis=1)
    assert np.abs(min_max(acceleration_values, low=-2, high=3) - expected).max() <= 1e-12 * 3


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30), st.floats(-10, 10), st.floats(-10, 10))
def test_against_the_definition(x: list[float], low: float, high: float) -> None:
    got = min_max(x, low=low, high=high)[0]
    assert got == pytest.approx(naive.min_max(x, low, high), rel=1e-12, abs=1e-12 * max(abs(low), abs(high)))


@given(st.lists(FINITE, min_size=2, max_size=30).filter(lambda x: min(x) != max(x)))
def test_stays_inside_even_where_the_range_overflows(x: list[float]) -> None:
    got = min_max(x)[0]
    assert got.min() == 0
    assert got.max() == 1


@pytest.mark.parametrize("x", [[3.0], [3.0, 3.0, 3.0], [0.0, -0.0], [1e300] * 4, [5e-324] * 3])
def test_a_constant_signal_becomes_low(x: list[float]) -> None:
    assert min_max(x, low=-1, high=1).tolist() == [[-1.0] * len(x)]


@pytest.mark.parametrize("x", [[0.0, 5e-324], [1.0, 1.0 + 2**-52], [-1.7e308, 1.7e308]])
def test_the_smallest_and_largest_ranges_are_no_constants(x: list[float]) -> None:
    assert min_max(x).tolist() == [[0.0, 1.0]]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.integers(1, 45))
def test_perforation(x: list[float], stride: int) -> None:
    computed = naive.min_max(x[::stride], 0.0, 1.0)
    expected = naive.perforated(dict(zip(range(0, len(x), stride), computed, strict=True)), len(x), stride)
    assert min_max(x, stride=stride)[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_single_precision(acceleration_values: NDArray[np.float64]) -> None:
    x = acceleration_values.astype(np.float32)
    got = min_max(x)
    assert got.dtype == np.float32
    assert np.abs(got - min_max(x.astype(np.float64))).max() <= 1e-5


def test_example() -> None:
    assert min_max([[2.0, 4.0, 3.0]]).tolist() == [[0.0, 1.0, 0.5]]
