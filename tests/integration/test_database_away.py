"""The database goes away and comes back under a running API: 503 with Retry-After, then as before."""

import asyncio
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.bodies import DATA
from tests.conftest import absent
from tests.door import Door, whole_rows
from tests.polling import until
from tests.postgres import Server, binaries, create_database, postgres

MANY = 200


@pytest.fixture
def server() -> Iterator[Server]:
    if binaries() is None:
        absent("PostgreSQL")
    with postgres() as running:
        yield running


@pytest.fixture
def database_url(server: Server) -> str:
    return create_database(server.url, "gateway")


def test_requests_are_503_while_it_is_away_and_served_when_it_is_back(
    server: Server, api: TestClient
) -> None:
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    server.stop()
    for answer in (api.post("/s3_data", json=DATA), api.get(f"/s3_data/{row_id}"), api.get("/overview")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "database" in answer.json()["detail"]
    assert api.get("/health/live").status_code == 200
    assert api.get("/health/ready").status_code == 503
    server.start()
    assert api.get(f"/s3_data/{row_id}").status_code == 200
    assert api.post("/s3_data", json=DATA).status_code == 201
    assert api.get("/health/ready").status_code == 200


def test_a_status_request_outlives_a_short_absence(
    server: Server, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.settings import get_settings  # noqa: PLC0415  after the environment is set

    monkeypatch.setenv("GATEWAY_DATABASE_WAIT_S", "60")
    get_settings.cache_clear()
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    server.stop()
    asked: list[int] = []
    waiting = threading.Thread(target=lambda: asked.append(api.get(f"/s3_data/{row_id}").status_code))
    waiting.start()
    time.sleep(0.5)
    assert asked == []
    server.start()
    waiting.join()
    assert asked == [200]
    until("a request is accepted again", lambda: api.post("/s3_data", json=DATA).status_code == 201)


async def _post_many(api: TestClient) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app=api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=60) as client:
        return list(await asyncio.gather(*(client.post("/s3_data", json=DATA) for _ in range(MANY))))


def test_two_hundred_requests_that_wait_are_accepted_when_it_is_back(
    server: Server, api: TestClient, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.settings import get_settings  # noqa: PLC0415  after the environment is set

    monkeypatch.setenv("GATEWAY_DATABASE_WAIT_S", "60")
    get_settings.cache_clear()
    answers: list[httpx.Response] = []
    server.stop()
    posting = threading.Thread(target=lambda: answers.extend(asyncio.run(_post_many(api))))
    posting.start()
    until("all requests wait", lambda: door.number == MANY)
    server.start()
    posting.join()
    assert {each.status_code for each in answers} == {201}
    ids = {each.json()["id"] for each in answers}
    assert len(ids) == MANY
    assert whole_rows() == ids
