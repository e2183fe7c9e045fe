"""Requests of clients do not reach the gateway's own bucket, however they spell it."""

import pytest
from fastapi.testclient import TestClient

from gateway.settings import get_settings
from tests.bodies import DATA, RESULT

STORE = "http://store.example.org:9000"
ALLOWED = "store.example.org files.example.org 127.0.0.1 localhost"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def guarded(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    for name, value in {
        "ENDPOINT": STORE,
        "PUBLIC_ENDPOINT": "https://files.example.org/s3",
        "BUCKET": "own-files",
        "ACCESS_KEY": "access",
        "SECRET_KEY": "a-secret",
    }.items():
        monkeypatch.setenv(f"GATEWAY_STORE_{name}", value)
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", ALLOWED)
    get_settings.cache_clear()
    return api


@pytest.mark.parametrize(("kind", "body"), [("s3_data", DATA), ("s3_result", RESULT)])
def test_the_bucket_is_refused_at_the_door(guarded: TestClient, kind: str, body: dict[str, str]) -> None:
    body = body | {"endpoint": STORE, "bucket": "own-files"}
    answer = guarded.post(f"/{kind}", json=body)
    assert answer.status_code == 400
    assert "gateway's own" in answer.json()["message"]
    presigned = {**body, "presigned_url": f"{STORE}/own-files/{body['object']}?X-Amz-Signature=1"}
    for key in ("access_key", "secret_key"):
        del presigned[key]
    assert "gateway's own" in guarded.post(f"/{kind}", json=presigned).json()["message"]
    assert guarded.post(f"/{kind}", json=body | {"bucket": "mine"}).status_code == 201


def test_a_presigned_url_of_the_bucket_is_no_source(guarded: TestClient) -> None:
    src = f"{STORE}/own-files/local/x?X-Amz-Signature=1"
    answer = guarded.post("/data", json={"src": src, "dst": "x", "infrastructure": "hpc"})
    assert answer.status_code == 400
    assert "gateway's own" in answer.json()["message"]


def test_the_gateways_store_is_in_no_list_of_allowed_addresses(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_STORE_ENDPOINT", "http://127.0.0.1:9999")
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", "")
    get_settings.cache_clear()
    body = DATA | {"endpoint": "http://127.0.0.1:9999", "bucket": "mine"}
    answer = guarded.post("/s3_data", json=body)
    assert answer.status_code == 400
    assert "GATEWAY_ALLOWED_ENDPOINTS" in answer.json()["message"]
