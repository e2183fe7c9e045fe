"""A Redis inside this process (fakeredis), and one that takes connections and never answers."""

import socket
from collections.abc import Iterator

import pytest
from redis import ConnectionPool
from redis.asyncio import ConnectionPool as AsyncConnectionPool

from gateway.settings import get_settings
from tests.fake_redis import FakeRedis


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Change the environment for one test; settings are read anew before and after."""
    get_settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def fake_redis(environment: pytest.MonkeyPatch) -> FakeRedis:
    """Connect every Redis client of this process to one empty server."""
    fake = FakeRedis()
    environment.setattr(ConnectionPool, "make_connection", fake.connect)
    environment.setattr(AsyncConnectionPool, "make_connection", fake.connect_async)
    environment.setenv("GATEWAY_REDIS_URL", fake.url)
    return fake


@pytest.fixture
def silent_redis(environment: pytest.MonkeyPatch) -> Iterator[str]:
    """Listen where the settings expect Redis, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
        environment.setenv("GATEWAY_REDIS_URL", url)
        yield url
