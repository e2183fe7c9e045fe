"""The magnitude spectrum against SciPy, NumPy and the definition."""

from typing import Literal

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpc_kernels import fft
from hpc_kernels.services.fft import frequencies
from tests.kernels import naive
from tests.kernels.closeness import assert_close

WINDOWS: tuple[Literal["hann", "hamming", "blackman"], ...] = ("hann", "hamming", "blackman")


def test_real_data_against_scipy(acceleration_values: NDArray[np.float64]) -> None:
    assert_close(fft(acceleration_values), np.abs(scipy.fft.fft(acceleration_values, axis=1)), 1e-10)


def test_half_is_the_first_half_of_full(acceleration_values: NDArray[np.float64]) -> None:
    half = fft(acceleration_values, spectrum="half")
    assert np.array_equal(half, fft(acceleration_values)[:, : 5750 // 2 + 1])


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_are_those_of_scipy(
    acceleration_values: NDArray[np.float64], window: Literal["hann", "hamming", "blackman"]
) -> None:
    weights = scipy.signal.get_window(window, acceleration_values.shape[1])
    expected = np.abs(scipy.fft.fft(acceleration_values * weights, axis=1))
    assert_close(fft(acceleration_values, window=window), expected, 1e-10)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_windows_of_the_fewest_samples(window: Literal["hann", "hamming", "blackman"], n: int) -> None:
    x = np.arange(3.0, 3.0 + n)
    expected = np.abs(scipy.fft.fft(x * scipy.signal.get_window(window, n)))
    assert fft(x, window=window)[0] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "n", [1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129, 1009, 4093, 4095, 4096, 4097, 8209, 9973]
)
def test_any_length(n: int) -> None:
    x = np.random.default_rng(n).standard_normal((5, n))
    assert_close(fft(x), np.abs(scipy.fft.fft(x, axis=1)), 1e-10)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_against_the_definition(x: list[float]) -> None:
    expected = np.array([naive.dft_magnitude(x)])
    assert_close(fft(x), expected, 1e-10 * len(x))


@pytest.mark.parametrize(
    "x",
    [
        np.full(100, 7.5),
        np.arange(101.0),
        np.where(np.arange(50) == 20, 1e300, 0.0),
        np.full(64, 5e-324),
        np.linspace(-1e-310, 1e-310, 33),
        np.tile([1e154, -1e-154], 16),
        np.where(np.arange(8209) == 20, 1e300, 0.0),
    ],
    ids=["constant", "ramp", "spike", "smallest denormals", "denormals", "squares overflow", "prime spike"],
)
def test_adversarial(x: NDArray[np.float64]) -> None:
    assert_close(fft(x), np.abs(scipy.fft.fft(x[np.newaxis], axis=1)), 1e-10)


def test_single_precision(acceleration_values: NDArray[np.float64]) -> None:
    x = acceleration_values.astype(np.float32)
    got = fft(x, window="hann")
    weights = scipy.signal.get_window("hann", x.shape[1])
    assert got.dtype == np.float32
    assert_close(got, np.abs(scipy.fft.fft(x.astype(np.float64) * weights, axis=1)), 1e-5)


def test_a_signal_does_not_depend_on_its_neighbours(acceleration_values: NDArray[np.float64]) -> None:
    together = fft(acceleration_values)
    for first in range(12):
        for count in (1, 3, 5):
            alone = fft(acceleration_values[first : first + count])
            assert np.array_equal(alone, together[first : first + count])


@pytest.mark.parametrize("n", [1, 7, 64, 1009, 8209, 65_536, 99_991])
@pytest.mark.parametrize("kind", ["f8", "f4"])
def test_neighbours_do_not_matter_for_any_length(n: int, kind: str) -> None:
    x = np.random.default_rng(n).standard_normal((21, n)).astype(kind)
    together = fft(x)
    for first, last in ((0, 1), (1, 6), (4, 20), (20, 21)):
        assert np.array_equal(fft(x[first:last]), together[first:last])


def test_frequencies() -> None:
    assert frequencies(4, 250.0).tolist() == [0.0, 62.5, 125.0, 187.5]
    assert frequencies(5, 250.0, "half").tolist() == [0.0, 50.0, 100.0]


def test_no_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="with a sample"):
        fft([])


def test_example() -> None:
    assert fft([1.0, 0.0, -1.0, 0.0]).tolist() == [[0.0, 2.0, 0.0, 2.0]]
