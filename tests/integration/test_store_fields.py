"""Keys, regions, buckets and endpoints at the door: printable ASCII alone; no refusal repeats a secret."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.models import StoredCredential, Transfer
from tests.bodies import DATA, RESULT
from tests.ended_rows import failed_transfer

JSON = {"content-type": "application/json"}
CANARY = "CANARY7c1f"
STORED = {
    "name": "größe",
    "endpoint": "https://s3.example.org",
    "access_key": "the-access-key",
    "secret_key": "a/secret+key=1",
}
MALFORMED = {
    "a Cyrillic letter": f"{CANARY}ключ",
    "an umlaut": f"{CANARY}ü",
    "a line break": f"{CANARY}\nX-Evil: 1",
    "a return": f"{CANARY}\r",
    "a tab": f"{CANARY}\tx",
    "NUL": f"{CANARY}\0",
    "an escape": f"{CANARY}\x1b[31m",
    "delete": f"{CANARY}\x7f",
    "C1": f"{CANARY}\x9b",
    "a right-to-left override": f"{CANARY}\u202e",
    "a zero-width space": f"{CANARY}\u200b",
    "a lone surrogate": f"{CANARY}\ud800",
    "a full-width letter": f"{CANARY}\uff21",
    "too long": CANARY + "x" * 3000,
}
AROUND = {"before": f" {CANARY}", "after": f"{CANARY} ", "only": "   "}
KEYS = ("access_key", "secret_key")
ROUTES = [("/s3_data", DATA), ("/s3_result", RESULT), ("/credentials", STORED)]
FIELDS = [
    (url, body, field)
    for url, body in ROUTES
    for field in (*KEYS, "endpoint", *(("region", "bucket") if url != "/credentials" else ()))
]


def _rows() -> int:
    with session_scope(read_only=True) as session:
        return session.query(Transfer).count() + session.query(StoredCredential).count()


def _refused(api: TestClient, url: str, body: dict[str, Any], field: str) -> None:
    answer = api.post(url, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"][-1] == field
    assert field in answer.json()["detail"]
    if field in KEYS:
        assert CANARY not in answer.text


@pytest.mark.parametrize(("url", "body", "field"), FIELDS)
def test_a_malformed_field_is_400_and_leaves_no_row(
    api: TestClient, url: str, body: dict[str, Any], field: str
) -> None:
    for text in MALFORMED.values():
        _refused(api, url, {**body, field: f"https://{text}" if field == "endpoint" else text}, field)
    assert _rows() == 0


@pytest.mark.parametrize(("url", "body"), ROUTES)
@pytest.mark.parametrize("field", KEYS)
def test_white_space_around_a_key_is_400(api: TestClient, url: str, body: dict[str, Any], field: str) -> None:
    for text in AROUND.values():
        _refused(api, url, {**body, field: text}, field)
    assert _rows() == 0


@pytest.mark.parametrize("field", KEYS)
def test_a_retry_with_malformed_keys_is_400(api: TestClient, field: str) -> None:
    row_id = failed_transfer()
    for text in [*MALFORMED.values(), *AROUND.values()]:
        _refused(api, f"/s3_data/{row_id}/retry", {"access_key": "a", "secret_key": "b", field: text}, field)


@pytest.mark.parametrize(("url", "body"), ROUTES)
@pytest.mark.parametrize("key", ["a", "a b", "a/b+c=", "\"'\\{}%s$(x)", "!~", "x" * 2048])
def test_printable_keys_are_taken_as_before(
    api: TestClient, url: str, body: dict[str, Any], key: str
) -> None:
    assert api.post(url, json={**body, "access_key": key, "secret_key": key}).status_code == 201


def test_object_keys_and_names_hold_any_text(api: TestClient) -> None:
    assert api.post("/s3_data", json={**DATA, "object": " größe\nключ\t"}).status_code == 201
    assert api.post("/credentials", json=STORED).status_code == 201
