"""Plots in chromium: a filter over its input, zoom by keyboard, hostile texts in signals, files and logs."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

from api.schemas.tables import TableJudgement
from gateway.db import session_scope
from gateway.models import Job, Transfer
from gateway.states import JobState, JudgementState
from tests.chromium import Opened
from tests.ended_rows import ended_job
from tests.integration.console.test_pages import HOSTILE
from tests.preview_bytes import preview_bytes
from tests.rows import new_transfer
from tests.workflows import SMOOTH, end_job, end_transfer, filtered_run, start

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Waves = dict[str, tuple[Sequence[float], Sequence[float]]]
PLACES = [float(number) for number in range(40)]


def _preview(*names: str, stretch: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a preview of waves, whose stretches have that length."""
    places = PLACES[::stretch]
    signals = [
        {"name": name, "unit": "V", "min": [-1.0] * len(places), "max": [x % 5 + shift for x in places]}
        for shift, name in enumerate(names)
    ]
    axis = {"name": "sample", "unit": "", "values": places}
    whole = {"service": "kalman", "points": len(places), "x": axis, "signals": signals}
    return whole | {"samples": 40, "signals_total": len(names)} | changes


def _answer(monkeypatch: pytest.MonkeyPatch, **previews: dict[str, Any]) -> None:
    """Let the cluster's worker answer with the preview of each service."""

    def answer(*_: Any, service: str, **__: Any) -> bytes:
        return b"{}\n" + json.dumps(previews[service]).encode()

    monkeypatch.setattr("gateway.previews.outputs.ask_worker.request_bytes", answer)


def _drawn(page: Page) -> str:
    return str(page.locator("article", has_text="kalman").locator("canvas").evaluate("it => it.toDataURL()"))


def _filtered(api: TestClient) -> str:
    """Return the page of a run whose filter reads the result of another one."""
    return f"/console/work/workflow/{filtered_run(api)}"


def test_a_filter_is_drawn_over_its_input(
    opened: Opened, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, kalman=_preview("a", "b"), savitzky_golay=_preview("a", "b", stretch=4))
    monkeypatch.setattr(
        "api.console.plots.judge_transfer", lambda _: TableJudgement(state=JudgementState.UNKNOWN)
    )
    page = opened(_filtered(api)).page
    result = page.locator("article", has_text="kalman")
    box = result.get_by_label("Input", exact=True)
    expect(box).to_be_checked()
    over = _drawn(page)
    box.uncheck()
    expect(box).not_to_be_checked()
    alone = _drawn(page)
    result.get_by_label("b / V").uncheck()
    assert len({over, alone, _drawn(page)}) == 3
    result.get_by_role("button", name="Zoom in").focus()
    page.keyboard.press("Enter")
    zoomed = _drawn(page)
    result.get_by_role("button", name="All").focus()
    page.keyboard.press("Enter")
    assert _drawn(page) != zoomed


def test_all_signals_of_a_preview_can_be_chosen(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, fft=_preview(*(f"s{number}" for number in range(10))))
    monkeypatch.setattr("api.console.row_commands._read_tail", lambda *_: ("", ""))
    page = opened(f"/console/work/job/{_job_with_result()}").page
    canvas = page.locator("canvas")
    boxes = page.locator(".signals input")
    expect(boxes).to_have_count(10)
    assert [box.is_checked() for box in boxes.all()] == [True] * 8 + [False] * 2
    before = canvas.evaluate("it => it.toDataURL()")
    boxes.last.check()
    assert canvas.evaluate("it => it.toDataURL()") != before


def test_a_plot_that_does_not_arrive_is_told(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.console.row_commands._read_tail", lambda *_: ("", ""))
    watched = opened()
    page = watched.page
    page.route("**/preview?*", lambda route: route.abort())
    page.goto(f"/console/work/job/{_job_with_result()}")
    expect(page.get_by_text("The gateway does not answer: load the page again.")).to_be_visible()
    watched.problems.clear()  # the browser tells of the request that failed


def test_an_input_over_another_axis_is_left_out(
    opened: Opened, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"name": "time", "unit": "s", "values": PLACES}
    _answer(monkeypatch, kalman=_preview("a"), savitzky_golay=_preview("a", x=elsewhere))
    monkeypatch.setattr(
        "api.console.plots.judge_transfer", lambda _: TableJudgement(state=JudgementState.UNKNOWN)
    )
    page = opened(_filtered(api)).page
    result = page.locator("article", has_text="kalman")
    expect(result.get_by_label("a / V")).to_be_checked()
    expect(result.get_by_label("Input", exact=True)).to_have_count(0)


def _clustered(api: TestClient, **params: Any) -> str:
    """Return the page of a run whose clustering reads the result of a filter."""
    kmean = {"name": "groups", "services": ["kmean"], "input_from": "smooth", "params": params}
    run_id = str(start(api, SMOOTH, kmean, output=None)["id"])
    end_transfer(run_id)
    end_job(run_id, "smooth")
    end_job(run_id, "groups")
    return f"/console/work/workflow/{run_id}"


def _labels(*labels: int) -> dict[str, Any]:
    """Return the preview of labels."""
    values = [float(label) for label in labels]
    axis = {"name": "timeseries", "unit": "", "values": [float(row) for row in range(len(labels))]}
    signal = {"name": "labels", "unit": "", "min": values, "max": values}
    whole = {"service": "kmean", "points": len(labels), "x": axis, "signals": [signal]}
    return whole | {"samples": len(labels), "signals_total": 1}


def test_labels_are_the_colours_of_their_signals(
    opened: Opened, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, kmean=_labels(1, 0, 1), savitzky_golay=_preview("a", "b", "c"))
    page = opened(_clustered(api)).page
    result = page.locator("article", has_text="kmean")
    expect(result.locator(".signals label")).to_have_text(["Cluster 0: b / V", "Cluster 1: a / V, c / V"])
    colours = result.locator(".signals span").evaluate_all("all => all.map((it) => it.style.color)")
    assert len(set(colours)) == 2
    result.get_by_label("Cluster 1").uncheck()
    expect(result.get_by_label("Cluster 1")).not_to_be_checked()


@pytest.mark.parametrize(
    ("labels", "params"),
    [((1, 0), {}), ((1, 0, 1), {"table": {"columns": ["c", "a", "b"]}})],
    ids=["number", "order"],
)
def test_labels_that_may_be_of_other_signals_are_drawn_alone(
    opened: Opened, api: TestClient, monkeypatch: pytest.MonkeyPatch, labels: Any, params: dict[str, Any]
) -> None:
    _answer(monkeypatch, kmean=_labels(*labels), savitzky_golay=_preview("a", "b", "c"))
    page = opened(_clustered(api, **params)).page
    result = page.locator("article", has_text="kmean")
    expect(result.locator(".signals label")).to_have_text(["labels"])


def _job_with_result() -> UUID:
    job_id = ended_job(JobState.FAILED)
    with session_scope() as session:
        row = session.get_one(Job, job_id)
        row.outputs = [{"service": "fft", "path": HOSTILE[0], "bytes": 9, "sha256": "0" * 64}]
    return job_id


def test_hostile_signals_files_and_logs_run_nothing(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    log = "\n".join(HOSTILE)
    _answer(monkeypatch, fft=_preview(*HOSTILE))
    judgement = TableJudgement(
        state=JudgementState.KNOWN,
        signals=HOSTILE,
        signals_total=7,
        time_column=log,
        problem=log,
        warnings=[log],
    )
    waves: Waves = dict.fromkeys(HOSTILE, (PLACES[:9], PLACES[1:10]))
    monkeypatch.setattr("api.console.plots.judge_transfer", lambda _: judgement)
    monkeypatch.setattr("api.console.plots.read_preview", lambda _: preview_bytes(PLACES[:9], waves))
    monkeypatch.setattr("api.console.row_commands._read_tail", lambda *_: (log, ""))
    row_id = new_transfer()
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.object = log
    for path, number in ((f"job/{_job_with_result()}", 7), (f"s3_data/{row_id}/table", 7)):
        page = opened(f"/console/work/{path}").page
        expect(page.locator(".signals input")).to_have_count(number)
        expect(page.locator(".signals")).to_contain_text("<script>alert(1)</script>")
        if path.startswith("job"):
            expect(page.locator("pre.log")).to_contain_text("<script>alert(1)</script>")
        assert page.locator("main img, main script, main svg, main [onmouseover]").count() == 0
