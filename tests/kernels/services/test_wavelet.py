"""Wavelet denoising against the same steps with PyWavelets."""

import math
import warnings
from typing import Any, Literal

import numpy as np
import pytest
import pywt
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpc_kernels import wavelet
from hpc_kernels.jobs.options import OPTION_SCHEMAS
from tests.kernels.closeness import assert_close


def reference(
    x: NDArray[np.float64],
    name: str = "db4",
    level: int | None = None,
    threshold: Any = "universal",
    mode: str = "soft",
) -> NDArray[np.float64]:
    rows = []
    for signal in x:
        levels = pywt.dwt_max_level(len(signal), pywt.Wavelet(name).dec_len) if level is None else level
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyWavelets warns of levels beyond the deepest useful one
            first, *details = pywt.wavedec(signal, name, level=levels, mode="symmetric")
        limit = threshold
        if threshold == "universal":
            sigma = np.median(np.abs(details[-1])) / 0.6745
            limit = sigma * math.sqrt(2 * math.log(len(signal)))
        with np.errstate(invalid="ignore"):  # PyWavelets divides the limit 0 by the coefficient 0
            shrunk = [np.nan_to_num(pywt.threshold(detail, limit, mode)) for detail in details]
        rows.append(pywt.waverec([first, *shrunk], name, mode="symmetric")[: len(signal)])
    return np.array(rows)


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("name", ["haar", "db4", "sym8", "coif3", "bior2.2", "rbio3.1", "dmey", "db38"])
def test_real_data(
    acceleration_values: NDArray[np.float64], name: str, mode: Literal["soft", "hard"]
) -> None:
    got = wavelet(acceleration_values, wavelet=name, mode=mode)
    assert_close(got, reference(acceleration_values, name, mode=mode), 1e-10)


@given(
    n=st.integers(2, 80),
    name=st.sampled_from(["haar", "db2", "db4", "sym5", "bior1.3"]),
    level=st.integers(1, 6),
    threshold=st.one_of(st.just("universal"), st.floats(0, 2)),
    mode=st.sampled_from(["soft", "hard"]),
)
def test_any_length_and_option(n: int, name: str, level: int, threshold: Any, mode: Any) -> None:
    x = np.random.default_rng(n).standard_normal((2, n)).cumsum(axis=1)
    got = wavelet(x, wavelet=name, level=level, threshold=threshold, mode=mode)
    assert_close(got, reference(x, name, level, threshold, mode), 1e-10)


@pytest.mark.parametrize("n", [7, 8, 9, 127, 128, 129, 1009])
def test_the_default_level(n: int) -> None:
    x = np.random.default_rng(n).standard_normal((1, n))
    if pywt.dwt_max_level(n, 8):
        assert_close(wavelet(x), reference(x), 1e-10)
    else:
        with pytest.warns(UserWarning, match="no level of db4"):
            assert np.array_equal(wavelet(x), x)


@pytest.mark.parametrize("n", [1, 2, 6])
def test_too_short_is_returned_unchanged_with_a_warning(n: int) -> None:
    with pytest.warns(UserWarning, match="returned unchanged"):
        assert wavelet(np.arange(float(n))).tolist() == [list(range(n))]


@pytest.mark.parametrize("x", [np.full(40, 2.0), np.arange(41.0), np.where(np.arange(64) == 9, 1e300, 0.0)])
def test_adversarial(x: NDArray[np.float64]) -> None:
    assert_close(wavelet(x), reference(x[np.newaxis]), 1e-10)


def test_without_a_threshold_nothing_is_lost(acceleration_values: NDArray[np.float64]) -> None:
    assert_close(wavelet(acceleration_values, threshold=0.0), acceleration_values, 1e-12)


def test_single_precision(acceleration_values: NDArray[np.float64]) -> None:
    x = acceleration_values.astype(np.float32)
    got = wavelet(x)
    assert got.dtype == np.float32
    assert_close(got, reference(x.astype(np.float64)), 1e-5)


def test_the_schema_names_every_discrete_wavelet() -> None:
    assert sorted(OPTION_SCHEMAS["wavelet"]["properties"]["wavelet"]["enum"]) == sorted(
        pywt.wavelist(kind="discrete")
    )


def test_example() -> None:
    got = wavelet([1.0, 1.0, 5.0, 5.0], wavelet="haar", level=1, threshold=0.5)[0]
    assert got == pytest.approx([1.0, 1.0, 5.0, 5.0])
