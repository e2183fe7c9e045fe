"""Requests for workflows with `dry_run`: judged as a start is, and nothing begins."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.workflows import SMOOTH, SPECTRUM, body

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = {"Idempotency-Key": "one"}


def test_a_valid_request_is_answered_with_its_warnings_alone(api: TestClient) -> None:
    request = body({**SMOOTH, "params": {"ranks": 3}}, SPECTRUM)
    answer = api.post("/workflow", json=request | {"dry_run": True}, headers=KEY)
    warned = ["job smooth: params.ranks is not known and was ignored"]
    assert (answer.status_code, answer.json()) == (200, {"dry_run": True, "warnings": warned})
    assert [api.get(f"/{kind}").json()["items"] for kind in ("workflow", "s3_data", "job")] == [[], [], []]
    started = api.post("/workflow", json=request, headers=KEY)
    assert (started.status_code, started.json()["warnings"]) == (201, warned), "the key is still free"


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"infrastructure": "hcp"}, 404, "hcp"),
        ({"jobs": [{**SMOOTH, "resources": {"nodes": 99}}]}, 400, "jobs.0.resources.nodes"),
        (
            {"sweep": {"job": "spectrum", "params": [{"fft": {"window": 1}}]}},
            400,
            "sweep.params.0.fft.window",
        ),
        ({"dry_run": "perhaps"}, 400, "dry_run"),
    ],
)
def test_a_wrong_request_is_refused_as_its_start_would_be(
    api: TestClient, more: dict[str, Any], status: int, field: str
) -> None:
    answer = api.post("/workflow", json=body(dry_run=True) | more)
    assert (answer.status_code, field in answer.json()["detail"]) == (status, True), answer.text
