"""What the API refuses: the right code, the field's name, and no row left behind."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from gateway.db import session_scope
from gateway.models import Event, Job, Transfer
from tests.bodies import DATA, JOB, RESULT
from tests.rows import SECRET


def _rows() -> int:
    with session_scope(read_only=True) as session:
        return sum(
            session.scalar(select(func.count()).select_from(kind)) or 0 for kind in (Transfer, Job, Event)
        )


def _without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


BAD_TRANSFERS = [
    (_without(DATA, "bucket"), "bucket"),
    (_without(DATA, "secret_key"), "secret_key"),
    ({**DATA, "bucket": 7}, "bucket"),
    ({**DATA, "object": ""}, "object"),
    ({**DATA, "object": "a\0b"}, "object"),
    ({**DATA, "bucket": "\ud800"}, "bucket"),
    ({**DATA, "dst": "../../etc/passwd"}, "dst"),
    ({**DATA, "dst": "/etc/passwd"}, "dst"),
    ({**DATA, "dst": " "}, "dst"),
    ({**DATA, "dst": "x" * 5000}, "dst"),
    ({**DATA, "endpoint": "http://127.0.0.1:9000"}, "endpoint"),
    ({**DATA, "endpoint": "http://169.254.169.254/latest"}, "endpoint"),
    ({**DATA, "endpoint": "file:///etc/passwd"}, "endpoint"),
    ({**DATA, "endpoint": "not a url"}, "endpoint"),
]


@pytest.mark.parametrize(("body", "field"), BAD_TRANSFERS)
def test_a_bad_transfer_is_400_naming_the_field_and_leaves_no_row(
    api: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/s3_data", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["errors"][0]["loc"][-1] == field
    assert problem["title"] == "Invalid request"
    assert SECRET not in answer.text
    assert _rows() == 0


BAD_JOBS = [
    ({**JOB, "services": []}, "services"),
    ({**JOB, "services": ["fourier"]}, "services"),
    ({**JOB, "services": "fft"}, "services"),
    ({**JOB, "params": {}}, "params.read_input_data"),
    ({**JOB, "params": []}, "params"),
    ({**JOB, "params": {"read_input_data": "/x", "fft": {"window": "kaiser"}}}, "params.fft.window"),
    ({**JOB, "params": {"read_input_data": "/x", "fft": {"colour": 1}}}, "params.fft.colour"),
    ({**JOB, "params": {"read_input_data": "/x", "num_mpi_procs": 5}}, "params.num_mpi_procs"),
    ({**JOB, "params": {"read_input_data": "/x", "exe": "/bin/sh"}}, "params.exe"),
    ({**JOB, "params": {"read_input_data": "/../../../../etc/passwd"}}, "params.read_input_data"),
    ({**JOB, "params": {"read_input_data": "/x", "k": float("nan")}}, "params"),
    ({**JOB, "params": {"read_input_data": "/x", "\ud800": 1}}, "params"),
    ({**JOB, "watch_period": float("inf")}, "watch_period"),
]


@pytest.mark.parametrize(("body", "field"), BAD_JOBS)
def test_a_bad_job_is_400_naming_the_field_and_leaves_no_row(
    api: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/job", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert ".".join(map(str, answer.json()["errors"][0]["loc"])) == f"body.{field}"
    assert _rows() == 0


def test_a_mix_of_classes_names_the_classes(api: TestClient) -> None:
    answer = api.post("/job", json={**JOB, "services": ["fft", "knn"]})
    assert answer.status_code == 400
    assert "signal processing and classification" in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"7", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_400(api: TestClient, content: bytes) -> None:
    answer = api.post("/job", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/s3_result", RESULT), ("/job", JOB)])
def test_an_unknown_infrastructure_is_404_before_any_row(
    api: TestClient, url: str, body: dict[str, Any]
) -> None:
    answer = api.post(url, json={**body, "infrastructure": "nowhere"})
    assert answer.status_code == 404
    assert "nowhere" in answer.json()["detail"]
    assert _rows() == 0
