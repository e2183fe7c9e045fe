"""Debian's chromium for the tests: pages in which an error, a refused load or a foreign request fails."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, sync_playwright

from tests.conftest import absent

_AXE = resources.files("axe_playwright_python").joinpath("axe.min.js")
_LEFT = ("htmx:afterRequest", "htmx:sendAbort")  # told of a request that the reader left with its page
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start chromium; without it the test is skipped, and in CI it fails."""
    path = shutil.which("chromium")
    if path is None:
        absent("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


class Watched:
    """A page whose errors and requests to other hosts are collected."""

    def __init__(self, browser: Browser, base: str, *, also: Sequence[str] = (), **context: Any) -> None:
        self.base, self.problems = base, list[str]()
        self.hosts = {urlsplit(base).netloc, *also}
        self.context = browser.new_context(base_url=base, **context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._check)

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_LEFT):
            self.problems.append(f"{kind}: {text}")

    def _check(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in self.hosts:
            self.problems.append(f"request: {request.url}")

    def barriers(self) -> list[str]:
        """Return the findings of axe on the page as it is."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    @property
    def is_too_wide(self) -> bool:
        """Whether the page has to be scrolled sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


class Keyboard:
    """The keys of a page, on which the use of a pointer is a problem."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script("addEventListener('pointerdown', () => console.error('a pointer'), true)")

    def tab_to(self, target: Locator, most: int = 400) -> None:
        """Press Tab until the element has the focus."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if target.count() and target.first.evaluate("it => it === document.activeElement"):
                return
        raise AssertionError(f"{most} times Tab do not lead to {target}")

    def press(self, target: Locator, *keys: str) -> None:
        """Go to an element by Tab, and press keys there: Enter where none is given."""
        self.tab_to(target)
        for key in keys or ("Enter",):
            self.page.keyboard.press(key)

    def write(self, target: Locator, text: str) -> None:
        """Go to a field by Tab, and replace its text."""
        self.tab_to(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)


Opened = Callable[..., Watched]
"""Opens a page by its path, and the options of its context."""
