"""The random-walk Kalman filter against its own recursion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpc_kernels import kalman
from tests.kernels import naive
from tests.kernels.closeness import assert_close


def recursion(
    x: NDArray[np.float64], r: float = 10.0, q: float = 0.01, p0: float = 1.0
) -> NDArray[np.float64]:
    return np.array([naive.kalman(signal, r, q, p0) for signal in x.tolist()])


def test_real_data(acceleration_values: NDArray[np.float64]) -> None:
    assert_close(kalman(acceleration_values), recursion(acceleration_values), 1e-11)


@pytest.mark.parametrize("signals", [1, 2, 3, 4, 5, 9])
def test_a_signal_does_not_depend_on_its_neighbours(signals: int) -> None:
    x = np.random.default_rng(signals).standard_normal((signals, 100))
    assert np.array_equal(kalman(x), np.concatenate([kalman(row) for row in x]))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
    st.floats(1e-6, 1e6),
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6)),
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6)),
)
def test_options(x: list[float], r: float, q: float, p0: float) -> None:
    assert_close(kalman(x, r=r, q=q, p0=p0), recursion(np.array([x]), r, q, p0), 1e-11)


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 99, 100, 101])
def test_perforation_updates_only_at_the_stride(stride: int) -> None:
    x = np.random.default_rng(0).standard_normal(100)
    computed = naive.kalman(x[::stride].tolist(), 10.0, 0.01, 1.0)
    expected = naive.perforated(dict(zip(range(0, 100, stride), computed, strict=True)), 100, stride)
    assert_close(kalman(x, stride=stride), np.array([expected]), 1e-11)


@pytest.mark.parametrize(
    "x", [np.full(9, 3.0), np.array([1e300, -1e300, 1e300]), np.full(5, 5e-324), np.arange(2.0)]
)
def test_adversarial(x: NDArray[np.float64]) -> None:
    assert_close(kalman(x), recursion(x[np.newaxis]), 1e-11)


def test_single_precision(acceleration_values: NDArray[np.float64]) -> None:
    x = acceleration_values.astype(np.float32)
    assert kalman(x).dtype == np.float32
    assert_close(kalman(x), recursion(x.astype(np.float64)), 1e-5)


def test_example() -> None:
    assert kalman([0.0, 1.0, 1.0], r=1, q=0, p0=1)[0] == pytest.approx([0, 1 / 3, 1 / 2])
