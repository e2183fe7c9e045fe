"""Members of a sweep on the page of their run, and figures of options as a table."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.console.figures import FIGURES, SERVICE
from gateway.db import session_scope
from gateway.models import Job, JobMember
from gateway.states import JobState
from hpc_kernels.services.black_scholes import FIGURES as KERNELS_FIGURES
from tests.browser import FormBrowser
from tests.identity import new_key
from tests.integration.console.test_pages import Checked
from tests.rows import new_job
from tests.workflows import end_transfer, new_workflow, start, step_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FFT: dict[str, Any] = {"name": "spectrum", "services": ["fft"]}
SWEEP: dict[str, Any] = {"job": "spectrum", "params": [{"perforation_stride": k} for k in range(1, 31)]}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def new_sweep(api: TestClient) -> str:
    return str(start(api, FFT, sweep=SWEEP)["id"])


def _numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-name="Member"><a href="[^"]+"><code>(\d{4})<', page)]


def test_members_are_paged_before_and_after_their_job_begins(api: TestClient, browser: FormBrowser) -> None:
    run_id = new_sweep(api)
    path = f"/console/work/workflow/{run_id}/members"
    assert f'hx-get="{path}"' in browser.open(path.removesuffix("/members"))
    for act in (lambda: end_transfer(run_id), lambda: None):
        page = browser.open(path)
        Checked(page)
        assert _numbers(page) == list(range(25))
        assert "{&#34;perforation_stride&#34;: 25}" in page
        [following] = re.findall(rf'href="({path}\?cursor=\d+)"', page)
        assert _numbers(browser.open(following)) == list(range(25, 30))
        act()
    assert browser.client.get(f"{path}?cursor=x").status_code == 400


def test_a_members_end_is_shown(api: TestClient, browser: FormBrowser) -> None:
    run_id = new_sweep(api)
    end_transfer(run_id)
    output = {"service": "fft", "path": "jobs/1/0000/fft.csv", "bytes": 2000, "sha256": "0" * 64}
    ends = {"state": JobState.FAILED, "reason": HOSTILE, "exit_code": 7, "outputs": [output]}
    with session_scope() as session:
        session.execute(update(JobMember).where(JobMember.job_id == step_id(run_id, "spectrum")).values(ends))
    part = browser.client.get(f"/console/work/workflow/{run_id}/members", headers={"HX-Request": "true"}).text
    Checked(part)
    found = [text for text in ("failed", ">7<", "jobs/1/0000/fft.csv", "2 kB") if text not in part]
    assert (found, HOSTILE in part, "every 1s" in part, "<html" in part) == ([], False, False, False)


def test_a_member_has_a_page_with_a_plot_of_its_result(
    api: TestClient, browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = new_sweep(api)
    path = f"/console/work/workflow/{run_id}/members/0007"
    preview = f"{path}/outputs/fft/preview"
    assert "perforation stride" in browser.open(path)
    assert browser.client.get(preview).status_code == 404
    end_transfer(run_id)
    output = {"service": "fft", "path": HOSTILE, "bytes": 2000, "sha256": "0" * 64}
    ends = {"state": JobState.SUCCEEDED, "reason": HOSTILE, "outputs": [output]}
    with session_scope() as session:
        session.execute(update(JobMember).where(JobMember.number == 7).values(ends))
    page = browser.open(path)
    Checked(page)
    assert (f'data-preview="{preview}?points=1000"' in page, HOSTILE in page) == (True, False)
    requested: dict[str, Any] = {}
    answer_with(monkeypatch, figures_preview(), requested)
    assert browser.client.get(preview).json()["points"] == len(FIGURES)
    assert (requested["member"], requested["job_id"]) == (7, str(step_id(run_id, "spectrum")))
    assert browser.client.get(preview.replace("fft", "kalman")).status_code == 404


def test_the_option_figures_of_a_member_are_a_table(
    api: TestClient, browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: dict[str, Any] = {"job": "prices", "params": [{"perforation_stride": k} for k in (1, 2)]}
    run_id = str(start(api, {"name": "prices", "services": [SERVICE]}, sweep=swept)["id"])
    path = f"/console/work/workflow/{run_id}/members/0001"
    there = f"{path}/outputs/{SERVICE}/figures"
    assert browser.client.get(there).status_code == 404
    end_transfer(run_id)
    output = {"service": SERVICE, "path": "jobs/1/0001/b.csv", "bytes": 9, "sha256": "0" * 64}
    with session_scope() as session:
        session.execute(update(JobMember).where(JobMember.number == 1).values(outputs=[output]))
    shown = browser.open(path)
    assert (f'hx-get="{there}"' in shown, f'href="{there}"' in shown) == (True, True)
    requested: dict[str, Any] = {}
    answer_with(monkeypatch, figures_preview(), requested)
    page = browser.open(there)
    Checked(page)
    assert (requested["member"], requested["job_id"]) == (1, str(step_id(run_id, "prices")))
    assert (f'href="{path}"' in page, "7.5" in page, HOSTILE in page) == (True, True, False)
    assert "<html" not in browser.client.get(there, headers={"HX-Request": "true"}).text


@pytest.mark.parametrize("number", ["0030", "7", "-1", "9" * 5000, "٠٠٠٣", "x", "1e1"], ids=range(7))
def test_an_unknown_member_does_not_exist(api: TestClient, browser: FormBrowser, number: str) -> None:
    path = f"/console/work/workflow/{new_sweep(api)}/members/{number}"
    for each in (path, f"{path}/outputs/fft/preview"):
        assert browser.client.get(each).status_code == (404 if number == "0030" else 400)


def test_members_of_another_owners_run_do_not_exist(with_keys: TestClient) -> None:
    run_id, eve = new_workflow("ada"), FormBrowser(with_keys)
    eve.sign_in(new_key("eve"))
    for each in (run_id, uuid4()):
        for path in ("members", "members/0000", "members/0000/outputs/fft/preview"):
            assert eve.client.get(f"/console/work/workflow/{each}/{path}").status_code == 404


def test_a_run_without_a_sweep_shows_no_members(browser: FormBrowser) -> None:
    path = f"/console/work/workflow/{new_workflow()}"
    assert "/members" not in browser.open(path)
    assert browser.client.get(f"{path}/members").status_code == 404


def option_job() -> UUID:
    job_id = new_job(SERVICE)
    output = {"service": SERVICE, "path": "jobs/1/BlackScholes_output.csv", "bytes": 9, "sha256": "0" * 64}
    with session_scope() as session:
        row = session.get_one(Job, job_id)
        row.state, row.outputs = JobState.SUCCEEDED, [output]
    return job_id


def figures_preview(points: int = len(FIGURES)) -> dict[str, Any]:
    values: list[float | None] = [0.5 + number for number in range(points - 1)]
    names = (HOSTILE, "gold")
    signals = [{"name": name, "unit": "", "min": [*values, None], "max": [*values, None]} for name in names]
    return {"points": points, "samples": len(FIGURES), "signals": signals, "signals_total": 70}


def answer_with(
    monkeypatch: pytest.MonkeyPatch, preview: dict[str, Any], requested: dict[str, Any] | None = None
) -> None:
    """Answer with a preview in place of the cluster's worker, and record its requests."""

    def answer(*_: Any, **arguments: Any) -> bytes:
        if requested is not None:
            requested.update(arguments)
        return b"{}\n" + json.dumps(preview).encode()

    monkeypatch.setattr("gateway.previews.outputs.ask_worker.request_bytes", answer)


def test_figures_of_options_are_a_table(browser: FormBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = option_job()
    path = f"/console/work/job/{job_id}/outputs/{SERVICE}/figures"
    shown = browser.open(f"/console/work/job/{job_id}")
    assert (f'href="{path}"' in shown, "data-preview" in shown) == (True, False)
    answer_with(monkeypatch, figures_preview())
    page = browser.open(path)
    Checked(page)
    assert re.findall(r'<th class="number">([^<]*)<', page) == list(FIGURES) == list(KERNELS_FIGURES)
    assert (
        re.findall(r'data-name="(put vega|put rho)">([^<]*)<', page)
        == [("put vega", "7.5"), ("put rho", "-")] * 2
    )
    assert ("gold" in page, HOSTILE in page, "2 of 70 assets" in page) == (True, False, True)


def test_joined_figures_and_other_services_have_no_table(
    browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, figures_preview(6))
    assert (
        browser.client.get(f"/console/work/job/{option_job()}/outputs/{SERVICE}/figures").status_code == 404
    )
    assert (
        browser.client.get(f"/console/work/job/{new_job('fft')}/outputs/{SERVICE}/figures").status_code == 404
    )
