"""Options of uvicorn: idle connections, and forwarded headers that one place judges."""

from typing import Any

import pytest

from api import server
from gateway.settings import get_settings


@pytest.mark.parametrize(("given", "expected"), [(None, 120), ("75", 75)])
def test_idle_connections_stay_open_for_the_time_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, given: str | None, expected: int
) -> None:
    if given:
        monkeypatch.setenv("GATEWAY_KEEP_ALIVE_S", given)
    get_settings.cache_clear()
    passed: dict[str, Any] = {}
    monkeypatch.setattr("uvicorn.run", lambda _app, **options: passed.update(options))
    server.run("127.0.0.1", 8080, 1)
    get_settings.cache_clear()
    assert passed["timeout_keep_alive"] == expected
    assert passed["proxy_headers"] is False
