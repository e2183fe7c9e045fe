"""`/docs` and `/ui` come from this service alone: text, policy, and a look with a real browser."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from api.swagger_ui import FOLDER
from tests.conftest import absent
from tests.servers import served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ORIGIN = "http://testserver"


class Loaded(HTMLParser):
    """The addresses that a page loads, and its inline scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        found = [named[name] for name in ("src", "href", "data-document", "action") if named.get(name)]
        self.urls += [url for url in found if url]
        self.inline += tag == "script" and not named.get("src")


def _foreign(urls: list[str], page: str) -> list[str]:
    return [url for url in urls if not urljoin(page, url).startswith(ORIGIN)]


@pytest.mark.parametrize("path", ["/docs", "/ui", "/ui/"])
def test_a_page_loads_nothing_from_another_host(api: TestClient, path: str) -> None:
    page = api.get(path)
    loaded = Loaded(page.text)
    assert len(loaded.urls) == 5, loaded.urls
    assert _foreign(loaded.urls, ORIGIN + path) == []
    assert loaded.inline == 0, "the policy forbids inline scripts"
    assert [api.get(url).status_code for url in loaded.urls] == [200] * 5
    styles = api.get("/docs/assets/swagger-ui.css").text
    named = [url for url in re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", styles) if url]
    assert [url for pair in named for url in pair if url and not url.strip("\"'").startswith("data:")] == []


def test_the_policy_allows_this_service_alone(api: TestClient) -> None:
    for path in ("/docs", "/ui", "/docs/assets/start.js", "/docs/assets/swagger-ui-bundle.js"):
        answer = api.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), path
        assert set(re.findall(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe", policy)) == set(), policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert api.head(path).status_code == 200
    assert "validatorUrl: null" in api.get("/docs/assets/start.js").text


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2fcore.py", "%2e%2e/core.py", "", "core.py"])
def test_no_other_file_of_the_wheel_is_served(api: TestClient, name: str) -> None:
    assert (FOLDER / "redoc.standalone.js").exists()
    assert api.get(f"/docs/assets/{name}").status_code == 404


def test_the_page_finds_its_files_below_a_path(api: TestClient) -> None:
    below = TestClient(api.app, root_path='/hpc/"><b>')
    urls = Loaded(below.get("/docs").text).urls
    assert len(urls) == 5
    assert all(url.startswith("/hpc/") for url in urls)


@pytest.fixture
def url(api: TestClient) -> Iterator[str]:
    with served(api.app) as base:
        yield base


@pytest.mark.parametrize("path", ["/docs", "/ui"])
def test_a_browser_draws_it_without_the_network(url: str, path: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("Chromium")
    argv = [
        *(str(chromium), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr"),
        *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom", url + path),
    ]
    drawn = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert "opblock-summary" in drawn.stdout, drawn.stderr
    assert "/s3_result/{id}" in drawn.stdout.replace("<wbr>", "").replace("\u200b", "")
    console = [line for line in drawn.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if "Refused" in line or "violates" in line] == []
