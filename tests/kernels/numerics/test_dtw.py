"""Dynamic time warping against the table filled cell by cell."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.numerics import dtw
from tests.kernels import naive

SIGNALS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=25)
BANDS = st.one_of(st.none(), st.integers(0, 12))


@given(SIGNALS, SIGNALS, BANDS, st.booleans())
def test_every_cell_is_the_same(x: list[float], y: list[float], band: int | None, squared: bool) -> None:  # noqa: FBT001
    radius = -1 if band is None else band
    got = dtw.distance(np.array(x), np.array(y), radius=radius, squared=squared)
    assert got == naive.dtw(x, y, band, squared=squared)


@given(SIGNALS, SIGNALS, BANDS, st.booleans(), st.floats(0, 2))
def test_abandoning_never_changes_a_distance_within_the_limit(
    x: list[float],
    y: list[float],
    band: int | None,
    squared: bool,  # noqa: FBT001
    part: float,
) -> None:
    radius = -1 if band is None else band
    whole = naive.dtw(x, y, band, squared=squared)
    got = dtw.distance(np.array(x), np.array(y), radius=radius, squared=squared, limit=whole * part)
    assert got == whole or (got == math.inf and whole > whole * part)


def test_path_sums_of_a_stretched_signal() -> None:
    sums, counts = np.zeros(3), np.zeros(3)
    x, y = np.array([0.0, 5.0, 9.0]), np.array([0.0, 0.0, 5.0, 9.0, 9.0, 9.0])
    dtw.path_sums(x, y, -1, sums, counts, np.empty((4, 7)))
    assert counts.tolist() == [2, 1, 3]
    assert sums.tolist() == [0, 5, 27]


@pytest.mark.parametrize("value", [1e300, 5e-324, 0.0])
def test_extreme_values(value: float) -> None:
    x, y = np.array([value, -value, value]), np.array([value, value])
    assert dtw.distance(x, y) == naive.dtw(x.tolist(), y.tolist())
