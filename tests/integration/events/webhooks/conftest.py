"""Receivers on loopback, which the list of webhook hosts allows."""

import pytest
from sqlalchemy import Engine

from gateway.settings import get_settings


@pytest.fixture
def loopback(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WEBHOOK_HOSTS", "127.0.0.1")
    get_settings.cache_clear()
