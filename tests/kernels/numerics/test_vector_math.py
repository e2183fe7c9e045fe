"""Vectorisable functions against the C library: exact to the last digits over their whole range."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.numerics.vector_math import exponential, log_of_normal, normal_tail

DIGITS = 400


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
    """Held against hundreds of digits: the C library's figures are off by more than these are."""
    with localcontext(prec=DIGITS):
        bell = (-(Decimal(x) ** 2) / 2).exp()
        expected = Decimal("0.5") - bell * _odd_powers(Decimal(abs(x))) / (2 * HALF)
        assert normal_tail(x, float(bell)) == pytest.approx(float(expected), rel=1.2e-15)


def _odd_powers(x: Decimal) -> Decimal:
    """Return ``x + x**3 / 3 + x**5 / 15 + ...``: ``exp(x * x / 2)`` times an integral of the bell."""
    term, total, k = x, x, 1
    while term > total.scaleb(-DIGITS):
        k += 2
        term *= x * x / k
        total += term
    return total


with localcontext(prec=DIGITS):
    HALF = Decimal(-(45**2) / 2).exp() * _odd_powers(Decimal(45))  # of the bell's area, but for 10**-440


def test_nothing_is_left_far_out() -> None:
    assert normal_tail(1e300, 0.0) == 0.0
    assert np.isnan(normal_tail(math.nan, math.nan))
