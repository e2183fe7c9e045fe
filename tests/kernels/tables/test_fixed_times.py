"""Times of one form are read all at once, to the same nanoseconds as one by one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels.tables.fixed_times import fixed_nanoseconds
from hpc_kernels.tables.times import DAY_FIRST, MONTH_FIRST, nanoseconds_of

FORMS = [
    (DAY_FIRST, "%Y-%m-%d"),
    (DAY_FIRST, '"%Y-%m-%dT%H:%M:%S.%f+05:30"'),
    (DAY_FIRST, "%d.%m.%Y %H:%M"),
    (MONTH_FIRST, "%m/%d/%Y %H:%M:%S,%f Z"),
    (DAY_FIRST, "%Y%m%dT%H%M%SZ"),
    (DAY_FIRST, "%H:%M:%S"),
    (DAY_FIRST, "%Y-%m"),
]


@pytest.mark.parametrize(("order", "form"), FORMS)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_many_times_are_as_each_of_them(order: str, form: str, seconds: list[int]) -> None:
    cells = [
        (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(0, each, each % 10**6)).strftime(form)
        for each in seconds
    ]
    found = fixed_nanoseconds("".join(f"{cell}\n" for cell in cells).encode(), order)
    assert found is not None
    assert [*found] == [nanoseconds_of(cell, order) for cell in cells]


@pytest.mark.parametrize(
    "cells",
    [
        ["2026-02-28", "2026-02-30"],
        ["2026-01-01", "2026/01/02"],
        ["2026-01-01", "2026-01-0x"],
        ["9:30", "10:30"],
        ["10:30 AM", "10:30 PM"],
        ["2026-01-01 23:00", "2026-01-01 24:00"],
        ["2026-01-01T00:00+01:00", "2026-01-01T00:00+02:00"],
        ["1500-01-01", "1500-01-02"],
        ["Jan 2026", "Feb 2026"],
        ["2026-01-01", "x" * 100],
        ["x" * 100, "2026-01-01"],
        ["\u0662026-01-01", "2026-01-01"],
    ],
)
def test_other_times_are_left_to_be_read_one_by_one(cells: list[str]) -> None:
    assert fixed_nanoseconds("".join(f"{cell}\n" for cell in cells).encode(), DAY_FIRST) is None
