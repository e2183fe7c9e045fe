"""The console on a started stack: from a file of the reader's own to a zoomed plot and a download."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from hpc_gateway_commands.demo.stack import Stack
from tests.chromium import Watched, chromium

RECORDING = Path(__file__).parents[2] / "hpc_gateway_commands" / "demo" / "acceleration_12.csv"
RUN_MS = 60_000


@pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
def test_a_file_becomes_a_zoomed_plot_and_a_download(stack: Stack, tmp_path: Path) -> None:
    with chromium() as browser:
        watched = Watched(browser, stack.api_url, also=[urlsplit(stack.store.url).netloc])
        page = watched.page
        page.goto("/console/start")
        page.locator("#upload").set_input_files(RECORDING)
        expect(page.locator("#upload-state")).to_have_text(f"{RECORDING.name} is uploaded.")
        page.get_by_role("button", name="Look at the table first").click()
        looked = page.locator("section").filter(has_text="The table")
        expect(looked.locator("canvas")).to_be_visible(timeout=RUN_MS)
        expect(looked).to_contain_text("Signals")
        page.get_by_label("savitzky golay", exact=True).check()
        page.get_by_label("fft", exact=True).check()
        page.get_by_label("sampling rate", exact=True).fill("250")
        page.locator("#start").click()
        expect(page.locator("#live")).to_contain_text("Again with other options", timeout=RUN_MS)
        result = page.locator("article").filter(has_text="fft")
        expect(result.locator("canvas")).to_be_visible()
        smooth = page.locator("article").filter(has_text="savitzky golay")
        expect(smooth.locator("canvas")).to_be_visible()
        smooth.get_by_label("Input", exact=True).uncheck()
        expect(page.get_by_role("region", name="Input").locator("canvas")).to_be_visible()
        assert watched.barriers() == []
        result.get_by_role("button", name="Zoom in").click()
        result.get_by_label("MOLA_ch0").uncheck()
        with page.expect_download(timeout=RUN_MS) as download:
            result.get_by_role("link", name="Download").click()
        download.value.save_as(tmp_path / "spectrum.csv")
        assert (tmp_path / "spectrum.csv").read_text(encoding="utf-8").startswith("frequency;MOLA_ch0;")
        page.get_by_role("link", name="Back to the job").click()
        expect(page.locator("pre.log, .empty")).to_be_visible()
        watched.context.close()
        assert watched.problems == []
