"""The problem with which a job would fail, by the judgement of its table and its parameters."""

from typing import Any

import pytest

from gateway.tables.understood import problem_of_job

PROBLEM = "x.csv: row 3: a blank cell"
BAD: dict[str, Any] = {"problem": PROBLEM, "layout": "sensor_table"}


@pytest.mark.parametrize(
    ("understood", "params", "expected"),
    [
        ({"problem": None}, {}, ""),
        ({}, {}, ""),
        (BAD, {}, PROBLEM),
        (BAD, {"table": None}, PROBLEM),
        (BAD, {"table": {}}, PROBLEM),
        (BAD, {"table": {"missing": "error", "header": "auto", "price": "Close"}}, PROBLEM),
        (BAD, {"table": {"missing": "drop"}}, ""),
        (BAD, {"table": {"skip": ["a"]}}, ""),
        (BAD, {"inbestme_kernel": 1}, PROBLEM),
        (BAD | {"layout": "asset_pairs"}, {"inbestme_kernel": 1}, ""),
        (BAD | {"layout": "asset_pairs"}, {"inbestme_kernel": 0}, PROBLEM),
    ],
)
def test_a_problem_counts_unless_the_job_decides_otherwise(
    understood: dict[str, Any], params: dict[str, Any], expected: str
) -> None:
    assert problem_of_job(understood, params) == expected
