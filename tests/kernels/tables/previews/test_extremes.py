"""Previews lose no extreme, whatever the numbers, the stretches and the pieces are."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hpc_kernels.arrays import Array
from hpc_kernels.tables.previews.extremes import equal_stretches, find_extremes
from hpc_kernels.tables.previews.preview import Axis, Preview, preview_size
from hpc_kernels.tables.previews.running import RunningExtremes
from tests.kernels.preview_files import decode_preview

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TABLES = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=NUMBERS)


def extremes(stretch: Array) -> tuple[float, float]:
    """Return the extremes of the finite samples, as plainly as it can be said."""
    finite = [float(value) for value in stretch if np.isfinite(value)]
    return (min(finite), max(finite)) if finite else (np.nan, np.nan)


def by_hand(table: Array, bounds: list[int]) -> Array:
    pairs = [[extremes(row[a:b]) for a, b in pairwise(bounds)] for row in table]
    return np.array(pairs).transpose(2, 0, 1)


@given(TABLES, st.integers(1, 40), st.integers(1, 3))
def test_no_extreme_of_a_stretch_is_lost(table: Array, stretches: int, threads: int) -> None:
    bounds = equal_stretches(table.shape[1], min(stretches, table.shape[1]))
    found = find_extremes([table[:1], table[1:]], bounds, "float64", len(table), threads)
    np.testing.assert_array_equal(found, by_hand(table, bounds.tolist()))


@given(TABLES)
def test_the_extremes_of_the_signals_are_those_of_their_stretches(table: Array) -> None:
    bounds = equal_stretches(table.shape[1], min(7, table.shape[1]))
    least, greatest = find_extremes([table], bounds, "float64", len(table))
    whole = by_hand(table, [0, table.shape[1]])[:, :, 0]
    np.testing.assert_array_equal(np.fmin.reduce(least, axis=1), whole[0])
    np.testing.assert_array_equal(np.fmax.reduce(greatest, axis=1), whole[1])


@given(TABLES, st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(2, 9))
@settings(max_examples=200)
def test_a_table_in_pieces_loses_no_extreme(table: Array, steps: list[int], most: int) -> None:
    running, at, turn = RunningExtremes(len(table), most), 0, 0
    while at < table.shape[1]:
        stop = min(at + steps[turn % len(steps)], table.shape[1])
        running.add(table[:, at:stop])
        at, turn = stop, turn + 1
    bounds = [*running.starts.astype(int).tolist(), table.shape[1]]
    assert len(bounds) - 1 <= most
    np.testing.assert_array_equal(running.sides, by_hand(table, bounds))


def test_numbers_beyond_the_precision_of_the_result_are_missing() -> None:
    table = np.array([[1.0, 1e300, 2.0, -1e300]])
    least, greatest = find_extremes([table], equal_stretches(4, 2), "float32", 1)
    assert (least.tolist(), greatest.tolist()) == ([[1.0, 2.0]], [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("signals", "samples", "expected"),
    [
        (50, 113_000, (50, 2000)),
        (1, 3, (1, 3)),
        (1_000_000, 10, (4096, 10)),
        (10_000, 100_000, (2621, 200)),
        (600, 100_000, (600, 873)),
    ],
)
def test_the_size_of_a_preview_is_bounded(signals: int, samples: int, expected: tuple[int, int]) -> None:
    size = preview_size(signals, samples, 1 << 19)
    assert (size.signals, size.stretches) == expected
    assert size.signals * size.stretches <= 1 << 19


@given(TABLES)
def test_a_file_holds_the_preview(table: Array) -> None:
    samples = 2 * table.shape[1]
    axis, names = (
        Axis("t\ud800;", "s", np.arange(float(table.shape[1]))),
        [f"{i}" * 300 for i in range(len(table))],
    )
    preview = Preview("fft", axis, names, ["V"] * len(table), table, table + 1, samples, len(table))
    found = decode_preview(preview.encode())
    np.testing.assert_array_equal(found.least, table)
    np.testing.assert_array_equal(found.greatest, table + 1)
    np.testing.assert_array_equal(found.axis, axis.values)
    assert found.header["x"] == {"name": "t?;", "unit": "s"}
    assert all(len(name) <= 200 for name in found.header["names"])
