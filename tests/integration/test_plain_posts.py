"""Plain posts: valid new work goes past FastAPI's dependencies; the answers are the documented route's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from api.plain_posts import PlainPostRoute
from gateway.settings import get_settings
from tests.bodies import DATA, JOB, RESULT

URL = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}
VALID = {"/data": URL, "/s3_data": DATA, "/s3_result": RESULT, "/job": JOB}
JSON = {"Content-Type": "application/json"}
CHANGING = {"id", "created_at", "updated_at"}
BODIES: dict[str, bytes] = {
    "valid": json.dumps(DATA).encode(),
    "utf-16": json.dumps(DATA).encode("utf-16"),
    "empty": b"",
    "no-json": b"{",
    "null": b"null",
    "list": b"[]",
    "deep": b"[" * 100_000,
    "no-object": b'{"endpoint": 7}',
    "nan": json.dumps(DATA | {"overwrite": float("nan")}).encode(),
    "surrogate": json.dumps(DATA | {"object": "\ud800"}).encode(),
    "nul": json.dumps(DATA | {"dst": "a\0b"}).encode(),
    "outside": json.dumps(DATA | {"dst": "../x"}).encode(),
    "unknown-cluster": json.dumps(DATA | {"infrastructure": "x"}).encode(),
    "other-type": json.dumps(DATA | {"dst": 7}).encode(),
    "left-out": json.dumps(DATA | {"region": None, "overwrite": None, "more": 1}).encode(),
}
HEADERS: list[dict[str, str]] = [
    {},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "text/plain"},
    JSON | {"Idempotency-Key": " " * 300},
    JSON | {"Idempotency-Key": ""},
]


@pytest.fixture
def documented(api: TestClient) -> Iterator[TestClient]:
    """Yield a client of an application that has the documented routes alone."""
    app = create_app()
    app.router.routes[:] = [each for each in app.router.routes if not isinstance(each, PlainPostRoute)]
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def seen(answer: Response) -> tuple[int, dict[str, str], Any]:
    """Return the parts of an answer that no two requests differ in."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    body = {name: value for name, value in answer.json().items() if name not in CHANGING}
    return answer.status_code, headers, body


def test_valid_new_work_solves_no_dependencies(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("FastAPI solves dependencies")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", refuse)
    assert {api.post(path, json=body).status_code for path, body in VALID.items()} == {201}


def test_answers_are_those_of_the_documented_route(api: TestClient, documented: TestClient) -> None:
    requests = [(name, body, JSON) for name, body in BODIES.items()]
    for name in ("valid", "no-json"):
        requests += [(name, BODIES[name], headers) for headers in HEADERS]
    for name, body, headers in requests:
        ours, theirs = (
            client.post("/s3_data", content=body, headers=headers) for client in (api, documented)
        )
        assert seen(ours) == seen(theirs), (name, headers)


def test_spellings_of_a_path_are_served_alike(api: TestClient, documented: TestClient) -> None:
    for path in ("/s3_data/", "/s3_data?x=1", "/job/", "/s3_data//"):
        body = VALID.get(path.partition("?")[0].rstrip("/"), DATA)
        assert seen(api.post(path, json=body)) == seen(documented.post(path, json=body)), path


def test_other_methods_are_those_of_the_documented_route(api: TestClient, documented: TestClient) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        ours, theirs = (client.request(method, "/s3_data") for client in (api, documented))
        allowed = [each.headers.get("allow") for each in (ours, theirs)]
        assert (ours.status_code, allowed[0]) == (theirs.status_code, allowed[1]), method


@pytest.mark.parametrize("body", [DATA, {}], ids=["valid", "invalid"])
def test_a_caller_without_a_key_is_refused_before_its_body_is_read(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    answer = api.post("/s3_data", json=body)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("body", [DATA, {}], ids=["valid", "invalid"])
def test_a_request_is_counted_once(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    counted: list[str] = []

    async def count(owner: str) -> None:
        counted.append(owner)

    monkeypatch.setattr("api.plain_posts.count_request", count)
    monkeypatch.setattr("api.rate_limit.count_request", count)
    api.post("/s3_data", json=body)
    assert counted == ["local"]
