"""Every page of the console: without barriers, payloads stay texts, and it is read without its script."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

from gateway.settings import get_settings
from tests.browser import FormBrowser
from tests.chromium import Opened, Watched
from tests.every_page import answer_previews, fill_pages, rendered, templates
from tests.identity import new_key
from tests.integration.console.test_pages import Checked

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SIZES = [320, 768, 1440]
ERRORS = {"404": "/console/nothing", "400": "/console/work/x", "500": "/console/overview"}
FOREIGN = "script, iframe, img, svg, base, link, meta, object, [onmouseover], [onerror], [onload], [srcdoc]"
NOT_DRAWN = "[data-preview]:not(.empty):not(:has(canvas))"
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


def _problems(watched: Watched) -> Iterator[str]:
    """Yield the problems of the page in each width."""
    page = watched.page
    expect(page.locator(NOT_DRAWN)).to_have_count(0)
    page.evaluate(OPEN_ALL)
    yield from page.locator("main").locator(FOREIGN).evaluate_all("all => all.map((it) => it.outerHTML)")
    for width in SIZES:
        page.set_viewport_size({"width": width, "height": 900})
        yield from (f"at {width}: {barrier}" for barrier in watched.barriers())
        if watched.is_too_wide:
            yield f"at {width}: too wide"


class _Looked:
    """The problems of all pages that were looked at, by the name of the page."""

    def __init__(self, watched: Watched) -> None:
        self.watched, self.found = watched, dict[str, list[str]]()

    def look(self, name: str) -> None:
        if problems := list(_problems(self.watched)):
            self.found[name] = problems

    def visit(self, paths: dict[str, str], prefix: str = "") -> None:
        for name, path in paths.items():
            self.watched.page.goto(path)
            self.look(prefix + name)


def _look_at_answers_of_forms(looked: _Looked, page: Page, failed: str) -> None:
    """Look at the pages that forms lead to."""
    page.goto("/console/start")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    looked.look("a refused form")
    page.goto(failed)
    page.get_by_role("button", name="Show as curl and Python").click()
    expect(page.get_by_text("curl", exact=True)).to_be_visible()
    looked.look("the same request")
    page.goto("/")
    page.get_by_role("button", name="Retry it").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 retried")
    looked.look("retried")
    page.goto("/console/account")
    page.get_by_text("Add a webhook").click()
    page.get_by_label("Address", exact=True).fill("https://portal.example.org/other")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Secret")).to_be_visible()
    looked.look("secret of a webhook")


def _look_at_signing_in(looked: _Looked, page: Page) -> None:
    page.goto("/console/account")
    looked.look("sign in")
    page.get_by_label("API key").fill("hgk_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    looked.look("a wrong key")
    page.get_by_label("API key").fill(new_key("ada"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    looked.look("account of an owner")
    page.goto("/console/overview")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    looked.look("403")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_in_any_width_nor_runs_a_payload(
    opened: Opened, with_keys: TestClient, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    settings = get_settings()
    monkeypatch.setattr(settings, "auth", "none")
    watched = opened("/", color_scheme=scheme)
    page, looked = watched.page, _Looked(watched)
    with rendered(monkeypatch) as seen:
        looked.visit({name: name for name in ("/", "/console/work/workflow", "/console/account")}, "empty ")
        answer_previews(monkeypatch)
        looked.visit(paths := fill_pages(with_keys))
        _look_at_answers_of_forms(looked, page, paths["again"])
        with monkeypatch.context() as broken:
            broken.setattr("api.console.operators.overview", None)
            looked.visit(ERRORS)
        monkeypatch.setattr(settings, "auth", "keys")
        _look_at_signing_in(looked, page)
    watched.problems[:] = [each for each in watched.problems if "the server responded with" not in each]
    assert looked.found == {}
    assert seen >= templates()


def test_every_page_is_read_without_its_script(
    opened: Opened, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_previews(monkeypatch)
    page = opened(java_script_enabled=False).page
    for name, path in fill_pages(api).items():
        answer = page.goto(path)
        assert answer is not None, name
        assert answer.status < 300, name
        assert page.get_by_role("heading", level=1).count() == 1, name
        assert len(page.locator("main").inner_text()) > 20, name
        idle = page.locator("button:visible").evaluate_all("all => all.filter((it) => !it.form).length")
        assert idle == 0, f"{name} has a button that does nothing"
        needs_script = page.locator("main [disabled]").count() + page.locator("[data-preview]").count()
        assert not needs_script or "needs the page's script" in page.locator("main").inner_text(), name


def test_all_that_a_script_loads_into_a_page_has_a_link(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_previews(monkeypatch)
    browser = FormBrowser(api)
    for name, path in fill_pages(api).items():
        answer = browser.client.get(path)
        assert answer.status_code < 300, name
        elements = Checked(answer.text).elements
        links = {urlsplit(named.get("href") or "").path for tag, named in elements if tag == "a"}
        loaded = [named["hx-get"] or "" for _, named in elements if named.get("hx-trigger") == "load"]
        assert [each for each in loaded if urlsplit(each).path not in links] == [], name
