"""Savitzky-Golay smoothing against SciPy."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from hpc_kernels import savitzky_golay
from hpc_kernels.services.savitzky_golay import Mode
from tests.kernels import naive
from tests.kernels.closeness import assert_close

MODES: tuple[Mode, ...] = get_args(Mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("window_length", "polyorder", "deriv"),
    [(11, 3, 0), (51, 3, 0), (5, 2, 1), (7, 4, 2), (1, 0, 0), (5, 1, 2)],
)
def test_real_data(
    acceleration_values: NDArray[np.float64], mode: Mode, window_length: int, polyorder: int, deriv: int
) -> None:
    got = savitzky_golay(
        acceleration_values,
        window_length=window_length,
        polyorder=polyorder,
        deriv=deriv,
        delta=0.004,
        mode=mode,
    )
    expected = savgol_filter(acceleration_values, window_length, polyorder, deriv, 0.004, mode=mode)
    assert_close(got, expected, 1e-10)


@given(
    n=st.integers(1, 60),
    half=st.integers(1, 15),
    polyorder=st.integers(0, 5),
    deriv=st.integers(0, 3),
    mode=st.sampled_from(MODES),
)
def test_any_length_and_window(n: int, half: int, polyorder: int, deriv: int, mode: Mode) -> None:
    window_length = 2 * half + 1
    if mode == "interp" and window_length > n:
        mode = "nearest"
    polyorder = min(polyorder, 2 * half)
    x = np.random.default_rng(n).standard_normal((2, n))
    got = savitzky_golay(x, window_length=window_length, polyorder=polyorder, deriv=deriv, mode=mode)
    expected = savgol_filter(x, window_length, polyorder, deriv, mode=mode)
    scale = max(1.0, np.abs(expected).max())  # a derivative of a constant is rounding and nothing else
    assert np.abs(got - expected).max() <= 1e-10 * scale


@pytest.mark.parametrize("x", [np.full(30, 7.0), np.arange(31.0), np.where(np.arange(32) == 9, 1e300, 0)])
def test_adversarial(x: NDArray[np.float64]) -> None:
    assert_close(savitzky_golay(x), savgol_filter(x[np.newaxis], 11, 3, mode="nearest"), 1e-10)


@pytest.mark.parametrize("deriv", [0, 1])
def test_single_precision(acceleration_values: NDArray[np.float64], deriv: int) -> None:
    x = (acceleration_values + 100).astype(np.float32)
    got = savitzky_golay(x, deriv=deriv)
    assert got.dtype == np.float32
    assert_close(got, savgol_filter(x.astype(np.float64), 11, 3, deriv, mode="nearest"), 1e-5)


@pytest.mark.parametrize("stride", [2, 3, 50])
def test_perforation(acceleration_values: NDArray[np.float64], stride: int) -> None:
    x = acceleration_values[0, :100]
    full = savitzky_golay(x)[0]
    expected = naive.perforated({t: float(full[t]) for t in range(0, 100, stride)}, 100, stride)
    assert_close(savitzky_golay(x, stride=stride), np.array([expected]), 1e-12)


def test_interp_needs_a_window() -> None:
    with pytest.raises(ValueError, match="mode interp needs 11 samples"):
        savitzky_golay(np.ones(10), mode="interp")


@pytest.mark.parametrize("delta", [1e-15, 1e15])
@pytest.mark.parametrize("deriv", [1, 20, 21, 100])
def test_derivatives_over_the_widest_steps(delta: float, deriv: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 50))
    got = savitzky_golay(x, window_length=21, polyorder=20, deriv=deriv, delta=delta)
    unit = savitzky_golay(x, window_length=21, polyorder=20, deriv=deriv)
    assert got == pytest.approx(unit / delta**deriv if deriv <= 20 else unit, rel=1e-12)


@pytest.mark.parametrize(("window_length", "polyorder"), [(4, 1), (3, 3)])
def test_impossible_windows(window_length: int, polyorder: int) -> None:
    with pytest.raises(ValueError, match="window_length must be odd and above polyorder"):
        savitzky_golay(np.ones(10), window_length=window_length, polyorder=polyorder)


def test_example() -> None:
    x = [0.0, 1.0, 4.0, 9.0, 16.0]
    assert savitzky_golay(x, window_length=3, polyorder=1, deriv=1)[0] == pytest.approx([0.5, 2, 4, 6, 3.5])
