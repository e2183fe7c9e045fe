"""The ways of the console's users on a started stack, by keyboard alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from hpc_gateway_commands.demo.stack import Stack
from tests.chromium import Keyboard, Watched, chromium
from tests.client import BUCKET, Client, recording

RECORDING = Path(__file__).parents[2] / "hpc_gateway_commands" / "demo" / "acceleration_12.csv"
RUN_MS = 60_000
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


@contextmanager
def _typing(stack: Stack) -> Iterator[tuple[Page, Keyboard]]:
    """Open the first page in a browser in which nothing but keys is used, and nothing may go wrong."""
    with chromium() as browser:
        watched = Watched(browser, stack.api_url, also=[urlsplit(stack.store.url).netloc])
        keys = Keyboard(watched.page)
        watched.page.goto("/")
        yield watched.page, keys
        watched.context.close()
        assert watched.problems == []


def _link(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True)


def _button(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


def _drawn(place: Locator) -> str:
    return str(place.locator("canvas").evaluate("it => it.toDataURL()"))


def test_a_first_file_becomes_a_zoomed_plot(stack: Stack, tmp_path: Path) -> None:
    with _typing(stack) as (page, keys):
        keys.press(_link(page, "Start a run"))
        keys.tab_to(page.locator("#upload"))
        page.locator("#upload").set_input_files(RECORDING)  # the dialog that Enter opens is the browser's
        expect(page.locator("#upload-state")).to_have_text(f"{RECORDING.name} is uploaded.")
        keys.press(_button(page, "Look at the table first"))
        expect(page.locator("section canvas")).to_be_visible(timeout=RUN_MS)
        keys.press(page.get_by_label("fft", exact=True), "Space")
        keys.write(page.get_by_label("sampling rate", exact=True), "250")
        keys.press(_button(page, "Start"))
        result = page.locator("article").filter(has_text="fft")
        expect(result.locator("canvas")).to_be_visible(timeout=RUN_MS)
        plot, seen = result.locator(".plot"), [_drawn(result)]
        keys.tab_to(plot)
        expect(result.get_by_text("Keys:")).to_be_visible()
        for key in ("+", "+", "ArrowRight", "ArrowLeft", "-", "0"):
            page.keyboard.press(key)
            seen.append(_drawn(result))
        whole, once, twice, right, left, *_, last = seen
        assert len({whole, once, twice, right}) == 4
        assert (left, last) == (twice, whole)
        keys.press(result.get_by_label("MOLA_ch0"), "Space")
        expect(result.get_by_label("MOLA_ch0")).not_to_be_checked()
        keys.press(_button(result, "Zoom in"))
        assert _drawn(result) not in seen
        with page.expect_download(timeout=RUN_MS) as download:
            keys.press(result.get_by_role("link", name="Download"))
        download.value.save_as(tmp_path / "spectrum.csv")
        assert (tmp_path / "spectrum.csv").read_text(encoding="utf-8").startswith("frequency;MOLA_ch0;")


def test_a_failed_run_is_understood_and_cured(stack: Stack, client: Client) -> None:
    client.put("keyboard.csv", recording())
    with _typing(stack) as (page, keys):
        keys.press(_link(page, "Start a run"))
        keys.press(page.locator("#input-file"), "ArrowDown")
        expect(page.locator("#input-s3")).to_be_checked()
        texts = {"endpoint": stack.store.url, "bucket": BUCKET, "object": "keyboard.csv"}
        for name, text in (texts | {"access_key": "wrong", "secret_key": "wrong/keys"}).items():
            keys.write(page.locator(f'[id="input.{name}"]'), text)
        keys.press(page.get_by_label("fft", exact=True), "Space")
        keys.press(_button(page, "Start"))
        expect(page.get_by_text("The store knows other keys")).to_be_visible(timeout=RUN_MS)
        keys.press(page.get_by_text("Retry with other keys", exact=True))
        for name in ("access_key", "secret_key"):
            keys.write(page.locator(f'[id="input.{name}"]'), getattr(stack.store, name))
        keys.press(_button(page, "Retry"))
        result = page.locator("article").filter(has_text="fft")
        expect(result.locator("canvas")).to_be_visible(timeout=RUN_MS)
        keys.press(_link(page, "Again with other options"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Start a run")
        expect(page.get_by_label("fft", exact=True)).to_be_checked()


def test_an_operator_retries_equal_failures_and_finds_a_row(stack: Stack, client: Client) -> None:
    rows = [client.stage_in("no-such.csv", f"serrano/data/{number}.csv") for number in range(3)]
    ended = [client.moved("/s3_data", row) for row in rows]
    with _typing(stack) as (page, keys):
        keys.press(_link(page, "Overview"))
        expect(page.get_by_role("heading", name="Work by state")).to_be_visible()
        keys.press(_link(page, "Work"))
        keys.press(_link(page, "Store to cluster"))
        group = page.locator(".groups li").filter(has_text=ended[0]["reason"])
        keys.press(group.get_by_role("button", name="Retry all"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("retried")
        keys.press(_link(page, "Back to the list"))
        keys.write(page.get_by_role("searchbox"), rows[0]["id"])
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_contain_text("attempt 2", timeout=RUN_MS)
        keys.press(_link(page, "Clusters"))
        expect(page.get_by_role("heading", name="demo")).to_contain_text("ready")
