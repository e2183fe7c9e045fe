"""The API on a real port, with streams of events."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from api.event_hub import hub
from gateway.settings import get_settings
from tests.polling import until
from tests.servers import served


@pytest.fixture
def url(database: Engine, sends: None) -> Iterator[str]:
    from tests.application import make_app  # noqa: PLC0415  after the environment is set

    with served(make_app()) as address:
        yield address
        until("no stream is left", lambda: hub.number == 0)


@pytest.fixture
def with_accounts(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
