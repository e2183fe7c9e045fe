"""Valid API keys: the caller, the visible rows and the scope of each."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope, utc_now
from gateway.models import ApiKey
from gateway.settings import get_settings
from tests.bodies import DATA, JOB, RESULT
from tests.ended_rows import failed_transfer
from tests.identity import bearer, new_key
from tests.rows import new_job, new_transfer

OPEN = [
    "/services",
    "/services/{name}/options",
    "/health",
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs",
    "/ui",
]
FOR_OPERATORS = ["/overview", "/metrics"]
CLUSTER = {"name": "new", "host": "h", "username": "u", "hostname": "h", "scheduler": "slurm"}


def _ids(api: TestClient, url: str, token: str) -> list[str]:
    return [item["id"] for item in api.get(url, headers=bearer(token)).json()["items"]]


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/s3_result", RESULT), ("/job", JOB)])
def test_what_is_made_with_a_key_belongs_to_its_owner(
    with_keys: TestClient, url: str, body: dict[str, Any]
) -> None:
    ada, eve = new_key("ada"), new_key("eve")
    made = with_keys.post(url, json=body, headers=bearer(ada)).json()
    assert made["owner"] == "ada"
    assert with_keys.get(f"{url}/{made['id']}", headers=bearer(ada)).status_code == 200
    assert (_ids(with_keys, url, ada), _ids(with_keys, url, eve)) == ([made["id"]], [])


def test_counts_and_pages_are_of_ones_own_rows(with_keys: TestClient) -> None:
    mine = [str(new_transfer(owner="ada")) for _ in range(3)]
    for _ in range(4):
        new_transfer(owner="eve")
    first = with_keys.get("/s3_data", params={"limit": 2}, headers=bearer(new_key("ada"))).json()
    second = with_keys.get(
        "/s3_data", params={"limit": 2, "cursor": first["next"]}, headers=bearer(new_key("ada"))
    ).json()
    assert first["counts"] == {"accepted": 3}
    assert [item["id"] for item in first["items"] + second["items"]] == mine[::-1]
    assert second["next"] is None


def test_operators_see_and_touch_everything(with_keys: TestClient) -> None:
    operator = bearer(new_key("op", Scope.OPERATOR))
    row_id = failed_transfer(owner="ada")
    assert _ids(with_keys, "/s3_data", new_key("op2", Scope.ADMIN)) == [str(row_id)]
    answer = with_keys.post(f"/s3_data/{row_id}/retry", json={"by": "me"}, headers=operator)
    assert (answer.status_code, answer.json()["owner"]) == (200, "ada")
    events = with_keys.get(f"/s3_data/{row_id}/events", headers=operator).json()
    assert events[-1]["actor"] == "op as me"


def test_each_scope_reaches_as_far_as_it_says(with_keys: TestClient) -> None:
    reached = {}
    for scope in Scope:
        token = bearer(new_key("x", scope))
        answers = [
            *(with_keys.get(url, headers=token) for url in FOR_OPERATORS),
            with_keys.post("/retry", json={}, headers=token),
            with_keys.post("/infrastructure", json=CLUSTER, headers=token),
        ]
        reached[scope] = [answer.status_code for answer in answers]
    assert reached == {
        "user": [403, 403, 403, 403],
        "operator": [200, 200, 200, 403],
        "admin": [200, 200, 200, 201],
    }


def test_a_refused_scope_is_named(with_keys: TestClient) -> None:
    answer = with_keys.get("/overview", headers=bearer(new_key("ada")))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert answer.json()["detail"] == "this needs the scope operator; yours is user"


@pytest.mark.parametrize("url", OPEN)
def test_what_tells_nothing_of_anybody_is_open(with_keys: TestClient, url: str) -> None:
    assert with_keys.get(url.format(name="fft")).status_code == 200


def test_everything_else_wants_to_know_who_calls(with_keys: TestClient) -> None:
    """By the OpenAPI document, so that no route is forgotten."""
    document = with_keys.get("/openapi.json").json()
    asked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answer = with_keys.request(method, path.replace("{", "").replace("}", ""))
            assert (answer.status_code == 401) == ("security" in operation), (method, path)
            assert (path in OPEN) == ("security" not in operation)
            if answer.status_code == 401:
                asked += 1
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.headers["content-type"] == "application/problem+json"
                assert "401" in operation["responses"]
    assert asked > 25
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}


def test_the_document_speaks_of_refusals_only_where_there_are_any(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.app import create_app  # noqa: PLC0415  after the environment is set

    told = {}
    for auth in ("none", "keys", "oidc"):
        monkeypatch.setattr(get_settings(), "auth", auth)
        paths = create_app().openapi()["paths"]
        of = {
            "job": paths["/job"]["post"],
            "jobs": paths["/job"]["get"],
            "overview": paths["/overview"]["get"],
        }
        told[auth] = {
            name: sorted({"401", "403"} & operation["responses"].keys()) for name, operation in of.items()
        }
    assert told == {
        "none": {"job": ["403"], "jobs": ["403"], "overview": ["403"]},  # of foreign pages and hosts
        "keys": {"job": ["401", "403"], "jobs": ["401"], "overview": ["401", "403"]},
        "oidc": {"job": ["401", "403"], "jobs": ["401", "403"], "overview": ["401", "403"]},
    }


def test_without_accounts_a_key_is_not_looked_at(api: TestClient) -> None:
    assert api.get("/job", headers=bearer("nonsense")).status_code == 200
    row_id = new_job(owner="ada")
    assert api.get(f"/job/{row_id}").status_code == 200


def test_a_keys_last_use_is_written_down_now_and_then(
    with_keys: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "USE_RECORDED_EVERY", timedelta(hours=1))
    token = bearer(new_key("ada"))
    with_keys.get("/job", headers=token)
    used = _only_key().last_used_at
    assert used is not None
    with_keys.get("/job", headers=token)
    assert _only_key().last_used_at == used
    with session_scope() as session:
        session.get_one(ApiKey, _only_key().id).last_used_at = utc_now() - timedelta(hours=2)
    with_keys.get("/job", headers=token)
    again = _only_key().last_used_at
    assert again is not None
    assert again >= used


def _only_key() -> ApiKey:
    with session_scope(read_only=True) as session:
        return api_keys.list_keys(session)[0]
