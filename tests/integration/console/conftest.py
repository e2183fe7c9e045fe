"""Pages of the console in chromium."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser

from gateway.settings import get_settings
from tests.browser import FormBrowser
from tests.chromium import Opened, Watched, chromium
from tests.servers import served


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def url(api: TestClient) -> Iterator[str]:
    with served(api.app) as base:
        yield base


@pytest.fixture
def far(with_keys: TestClient, monkeypatch: pytest.MonkeyPatch) -> FormBrowser:
    """A browser over plain http, of a gateway without accounts that is open to all."""
    monkeypatch.setenv("GATEWAY_AUTH", "none")
    monkeypatch.setenv("GATEWAY_OPEN_TO_ALL", "true")
    get_settings.cache_clear()
    return FormBrowser(with_keys, "http://gateway.example.org")


@pytest.fixture
def opened(chrome: Browser, url: str) -> Iterator[Opened]:
    """Open pages; at the end none of them may have had a problem."""
    pages: list[Watched] = []

    def open_page(path: str = "/", **context: Any) -> Watched:
        pages.append(watched := Watched(chrome, url, **context))
        watched.page.goto(path)
        return watched

    yield open_page
    for each in pages:
        each.context.close()
    assert [problem for each in pages for problem in each.problems] == []
