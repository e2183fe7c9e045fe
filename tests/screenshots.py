"""Pictures of docs/console.md and of the README, from a started stack: `python -m tests.screenshots docs`."""

import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from hpc_gateway_commands.demo.machine_code import share_machine_code
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from tests.chromium import Watched, chromium

RECORDING = Path(__file__).parents[1] / "hpc_gateway_commands" / "demo" / "acceleration_12.csv"
SIZE = {"width": 1100, "height": 820}
RUN_MS = 120_000


def take(folder: Path) -> None:
    """Start a stack, use it, and take the pictures."""
    with tempfile.TemporaryDirectory() as made, running_stack(Path(made) / "stack", print) as stack:
        share_machine_code(stack.home)
        with chromium() as browser:
            light = Watched(browser, stack.api_url, viewport=SIZE, color_scheme="light").page
            _start(light, folder)
            _run(light, folder)
            dark = Watched(browser, stack.api_url, viewport=SIZE, color_scheme="dark").page
            _work(stack, dark, folder)


def _start(page: Page, folder: Path) -> None:
    page.goto("/console/start")
    page.locator("#upload").set_input_files(RECORDING)
    expect(page.locator("#upload-state")).to_contain_text("is uploaded")
    page.get_by_role("button", name="Look at the table first").click()
    expect(page.locator("section canvas")).to_be_visible(timeout=RUN_MS)
    page.screenshot(path=folder / "console-table.png")
    page.get_by_label("fft", exact=True).check()
    page.get_by_label("spectrum", exact=True).select_option("half")
    page.get_by_label("sampling rate", exact=True).fill("250")
    page.get_by_label("savitzky golay", exact=True).check()
    page.get_by_label("window length", exact=True).fill("51")
    page.locator("fieldset").nth(1).scroll_into_view_if_needed()
    page.screenshot(path=folder / "console-start.png")
    page.locator("#start").click()


def _run(page: Page, folder: Path) -> None:
    expect(page.locator("#live")).to_contain_text("Again with other options", timeout=RUN_MS)
    page.set_viewport_size({"width": SIZE["width"], "height": 1180})
    for service, file in (("fft", "console-run"), ("savitzky golay", "console-filter")):
        result = page.locator("article", has_text=service)
        expect(result.locator("canvas")).to_be_visible()
        for name in ("MOLA_ch1", "MOLA_ch2", "MOLA_ch3", "MOLA_ch4", "MOLA_ch5", "STN_ch1"):
            result.get_by_label(name).uncheck()
        if service == "fft":
            page.evaluate("scrollTo(0, 0)")
        else:
            result.scroll_into_view_if_needed()
            result.get_by_role("button", name="Zoom in").click()
            result.get_by_role("button", name="Zoom in").click()
        page.screenshot(path=folder / f"{file}.png")


def _work(stack: Stack, page: Page, folder: Path) -> None:
    """Take the page of groups of equal failures, after three transfers of objects that do not exist."""
    body = {
        "endpoint": stack.store.url,
        "bucket": "recordings",
        "access_key": stack.store.access_key,
        "secret_key": stack.store.secret_key,
        "infrastructure": INFRASTRUCTURE,
    }
    for number in range(3):
        name = f"{number}.csv"
        httpx.post(f"{stack.api_url}/s3_data", json=body | {"object": name, "dst": f"serrano/{name}"})
    page.goto("/console/work/s3_data")
    expect(page.get_by_role("button", name="Retry all 3")).to_be_visible(timeout=RUN_MS)
    page.screenshot(path=folder / "console-work.png")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
