"""The console on a stack of its own: first paints in a fresh Chromium, and status requests beside open pages.

Run it as `python -m tests.benchmarks.console [PAGES] [SECONDS]`. Half of the pages are lists, which look each
second; the others wait for changes of a transfer that is tried again and again.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

import httpx
from playwright.sync_api import Browser

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from tests.chromium import chromium
from tests.client import recording

LOADS = 4
SETTLE_S = 3.0
ROWS = 40
PART = {"HX-Request": "true"}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]"
ANSWER = "performance.getEntriesByType('navigation')[0].responseEnd"
PATHS = (
    *("/", "/console/start", "/console/work/s3_data", "/console/clusters", "/console/overview"),
    "/console/account",
)
INPUT = "serrano/data/Init_Data/recording.csv"


def _new_transfer(http: httpx.Client, number: int) -> str:
    """Return the id of a transfer whose store never answers."""
    body = {
        "endpoint": "http://127.0.0.1:1",
        "bucket": "b",
        "object": f"{number}.csv",
        "access_key": "a",
        "secret_key": "s",
        "infrastructure": INFRASTRUCTURE,
        "dst": f"serrano/data/{number}.csv",
    }
    return str(http.post("/s3_data", json=body).raise_for_status().json()["id"])


def _finished_run(stack: Stack, http: httpx.Client) -> str:
    """Return the id of a run whose results are there."""
    file = stack.home / INPUT
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(recording())
    jobs = [{"name": "both", "services": ["fft", "savitzky_golay"]}]
    source = {"path": INPUT.removeprefix("serrano/data")}
    body = {"infrastructure": INFRASTRUCTURE, "input": source, "jobs": jobs}
    run_id = str(http.post("/workflow", json=body).raise_for_status().json()["id"])
    while (run := http.get(f"/workflow/{run_id}?wait=20").json())["state"] not in {"succeeded", "failed"}:
        pass
    assert run["state"] == "succeeded", run["reason"]
    return run_id


def _loads(browser: Browser, url: str, path: str) -> list[tuple[float, float]]:
    """Return the milliseconds to the end of the answer and to the first paint, without and with a cache."""
    found = []
    for _ in range(LOADS):
        context = browser.new_context(base_url=url)
        for _ in range(2):
            page = context.new_page()
            page.goto(path)
            page.wait_for_function(f"{PAINT} !== undefined")
            found.append((float(page.evaluate(ANSWER)), float(page.evaluate(f"{PAINT}.startTime"))))
            page.close()
        context.close()
    return found


def _show_loads(path: str, found: list[tuple[float, float]]) -> None:
    for name, loads in (("new browser", found[::2]), ("again", found[1::2])):
        paints = ", ".join(str(round(paint)) for _, paint in sorted(loads, key=lambda each: each[1]))
        answer = median(answer for answer, _ in loads)
        print(f"first paint of {path}, {name}: {paints} ms; the page had arrived after {answer:.0f} ms")


def _show_list(url: str, _row_id: str) -> None:
    with httpx.Client(base_url=url, headers=PART, timeout=60) as http:
        while True:
            http.get("/console/work/s3_data").raise_for_status()
            time.sleep(1.0)


def _follow_row(url: str, row_id: str) -> None:
    known = ""
    with httpx.Client(base_url=url, headers=PART, timeout=60) as http:
        while True:
            http.get(f"/console/work/s3_data/{row_id}/live?known={quote(known)}").raise_for_status()
            known = http.get(f"/s3_data/{row_id}").headers["ETag"]


def _keep_open(url: str, number: int, row_id: str) -> None:
    """Keep pages open as the console's script does, each in a thread."""
    kinds = [_show_list, _follow_row]
    threads = [threading.Thread(target=kinds[k % 2], args=(url, row_id)) for k in range(number)]
    for thread in threads:
        thread.start()


@contextmanager
def _open_pages(url: str, number: int, row_id: str) -> Iterator[None]:
    """Keep pages open in a process of their own."""
    process = get_context("spawn").Process(target=_keep_open, args=(url, number, row_id))
    process.start()
    time.sleep(SETTLE_S)
    try:
        yield
    finally:
        process.kill()
        process.join()


def _status_times(http: httpx.Client, row_id: str, seconds: float) -> list[float]:
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.perf_counter()
        http.get(f"/s3_data/{row_id}").raise_for_status()
        found.append(1000 * (time.perf_counter() - start))
        time.sleep(0.02)
    return found


def _measure(stack: Stack, pages: int, seconds: float) -> None:
    with httpx.Client(base_url=stack.api_url, timeout=60) as http, chromium() as browser:
        row_ids = [_new_transfer(http, number) for number in range(ROWS)]
        run = f"/console/work/workflow/{_finished_run(stack, http)}"
        for path in (*PATHS, f"/console/work/s3_data/{row_ids[0]}", run):
            _show_loads(path, _loads(browser, stack.api_url, path))
        for number in (0, pages):
            with _open_pages(stack.api_url, number, row_ids[0]):
                times = _status_times(http, row_ids[1], seconds)
            p99 = quantiles(times, n=100)[98]
            print(
                f"{number} open pages: {len(times)} status requests, {median(times):.1f} ms, p99 {p99:.1f} ms"
            )


def main() -> None:
    pages, seconds = (int(word) for word in [*sys.argv[1:], "50", "20"][:2])
    allowed = {"GATEWAY_ALLOWED_ENDPOINTS": "127.0.0.1"}
    with (
        tempfile.TemporaryDirectory() as made,
        running_stack(Path(made) / "stack", print, flower=False, settings=allowed) as stack,
    ):
        _measure(stack, pages, seconds)


if __name__ == "__main__":
    main()
