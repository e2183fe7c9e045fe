"""Requests within the bound of a body that are huge inside: judged at once, and answered in a few words."""

import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from gateway.db import session_scope
from gateway.models import Event, Job, Transfer
from gateway.settings import get_settings
from tests.bodies import DATA, JOB

MIB = 1 << 20
LONGEST_ANSWER = 10_000
MANY = {f"{number:x}": 1 for number in range(90_000)}
LONG = "x" * (MIB - 1000)
Body = dict[str, Any]


def _job(**params: Any) -> Body:
    return {**JOB, "params": {"read_input_data": "/x", **params}}


REFUSED: dict[str, tuple[str, Any, str]] = {
    "bad services": ("/job", {**JOB, "services": [1] * 500_000}, "services"),
    "services": ("/job", {**JOB, "services": ["fft"] * 170_000}, "services"),
    "a long service": ("/job", {**JOB, "services": [LONG]}, "services"),
    "options": ("/job", _job(fft=MANY), "params.fft has no option"),
    "a long option": ("/job", _job(fft={LONG: 1}), "params.fft has no option"),
    "a deep option": ("/job", _job(fft={"." * len(LONG): 1}), "params.fft has no option"),
    "a long path": ("/job", _job(read_input_data=LONG), "read_input_data"),
    "wishes": ("/job", {**JOB, "resources": MANY}, "resources"),
    "a list": ("/job", [1] * 500_000, "expected a JSON object"),
    "a long destination": ("/s3_data", {**DATA, "dst": LONG}, "dst"),
    "a long secret": ("/s3_data", {**DATA, "secret_key": LONG}, "secret_key"),
    "a filter's kinds": ("/retry", {"filter": {"kind": [1] * 500_000}}, "filter.kind"),
    "a filter's states": ("/retry", {"filter": {"state": ["x"] * 200_000}}, "filter.state"),
    "a filter's keys": ("/retry", {"filter": MANY}, "filter"),
}


def _post(api: TestClient, url: str, body: Any, within_s: float = 15) -> tuple[int, Body]:
    content = json.dumps(body, separators=(",", ":"))
    begin = time.monotonic()
    answer = api.post(url, content=content, headers={"Content-Type": "application/json"})
    assert time.monotonic() - begin < within_s
    assert len(answer.content) < LONGEST_ANSWER
    return answer.status_code, answer.json()


def _rows() -> int:
    with session_scope(read_only=True) as session:
        return sum(session.scalar(select(func.count()).select_from(t)) or 0 for t in (Transfer, Job, Event))


def test_what_is_huge_inside_is_refused_in_a_few_words(api: TestClient) -> None:
    for name, (url, body, words) in REFUSED.items():
        status, problem = _post(api, url, body)
        assert (status, words in problem["detail"]) == (400, True), (name, problem)
        assert len(problem.get("errors", ())) <= 20
    assert _rows() == 0


@pytest.mark.parametrize("unknown", [MANY, {LONG: 1}], ids=["many", "long"])
def test_unknown_parameters_are_ignored_and_the_first_are_named(api: TestClient, unknown: Body) -> None:
    status, job = _post(api, "/job", _job(**unknown))
    assert status == 201
    assert len(job["warnings"]) <= 21
    assert len(unknown) < 21 or job["warnings"][-1] == (
        f"{len(unknown) - 20} more keys of params are not known and were ignored"
    )
    assert len(api.get(f"/job/{job['id']}").content) < LONGEST_ANSWER


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_million_parameters_where_an_operator_allows_them(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    million = {str(number): number for number in range(1_000_000)}
    assert _post(api, "/job", _job(**million), within_s=30)[0] == 413
    monkeypatch.setenv("GATEWAY_REQUEST_BYTES", str(32 * MIB))
    get_settings.cache_clear()
    status, problem = _post(api, "/job", _job(fft=million), within_s=60)
    assert (status, problem["detail"][:24]) == (400, "params.fft has no option")
    assert _rows() == 0
    status, job = _post(api, "/job", _job(**million), within_s=60)
    assert (status, len(job["warnings"])) == (201, 21)
