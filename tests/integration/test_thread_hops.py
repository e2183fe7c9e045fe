"""Thread hops: a request enters the thread pool at most once, and not at all when it need not."""

from typing import Any

import anyio.to_thread
import pytest
from fastapi.testclient import TestClient

from tests.bodies import DATA

KEY = {"Idempotency-Key": "k"}
UNKNOWN = "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"
HOPS: list[tuple[str, str, Any, int]] = [
    ("GET", "/services", None, 0),
    ("GET", "/health/live", None, 0),
    ("GET", "/s3_data/nonsense", None, 0),
    ("POST", "/s3_data", {}, 0),
    ("POST", "/s3_data", DATA, 0),
    ("GET", "/health/ready", None, 1),
    ("GET", "/infrastructure", None, 1),
    ("GET", f"/s3_data/{UNKNOWN}", None, 0),
    ("POST", "/status", {"ids": ["x"]}, 1),
    ("GET", f"/job/{UNKNOWN}/events", None, 1),
    ("POST", f"/job/{UNKNOWN}/cancel", None, 1),
    ("POST", "/retry", {"dry_run": True}, 1),
]


@pytest.mark.parametrize("request_", HOPS, ids=lambda request_: " ".join(request_[:2]))
@pytest.mark.parametrize("headers", [{}, KEY], ids=["plain", "keyed"])
def test_a_request_enters_the_thread_pool_once_if_it_must(
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    request_: tuple[str, str, Any, int],
    headers: dict[str, str],
) -> None:
    method, path, body, hops = request_
    entered: list[object] = []
    run_sync = anyio.to_thread.run_sync

    async def counted(call: Any, *rest: Any, **options: Any) -> Any:
        entered.append(call)
        return await run_sync(call, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(anyio.to_thread, "run_sync", counted)
        assert api.request(method, path, json=body, headers=headers).status_code < 500
    assert len(entered) == hops


def test_an_answer_is_not_validated_again(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    row = api.post("/s3_data", json=DATA).json()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the answer is validated")

    monkeypatch.setattr("fastapi.routing.serialize_response", refuse)
    assert api.get(f"/s3_data/{row['id']}").json() == row
