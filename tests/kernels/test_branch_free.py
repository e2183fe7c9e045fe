"""Functions made for vectors, beside the C library's: right to the last digits over their whole range."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from hpc_kernels.branch_free import exponential, log_of_normal, normal_tail


@given(st.floats(-707.9, 708.9))
def test_the_exponential(x: float) -> None:
    assert exponential(x) == pytest.approx(math.exp(x), rel=5e-16)


@pytest.mark.parametrize(
    ("x", "value"), [(-math.inf, 0.0), (-800.0, 0.0), (0.0, 1.0), (-0.0, 1.0), (710.0, math.inf)]
)
def test_the_ends_of_the_exponential(x: float, value: float) -> None:
    assert exponential(x) == value


@given(st.floats(2.3e-308, 1.7e308) | st.floats(0.9, 1.1))
def test_the_logarithm(x: float) -> None:
    assert log_of_normal(x) == pytest.approx(math.log(x), rel=6e-16)


@given(st.floats(-37.0, 37.0))
def test_the_normal_tail(x: float) -> None:
    tail = normal_tail(x, math.exp(-x * x / 2))
    assert tail == pytest.approx(ndtr(-abs(x)), rel=3e-16 * max(8.0, x * x), abs=5e-16 * math.exp(-x * x / 2))


def test_nothing_is_left_far_out() -> None:
    assert normal_tail(1e300, 0.0) == 0.0
    assert np.isnan(normal_tail(math.nan, math.nan))
