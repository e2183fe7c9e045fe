"""The page of a run beside its status: figures of steps, the output of the job, filters over their input."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope, utc_now
from gateway.models import Job, Transfer
from gateway.states import JobState
from gateway.transfers.lifecycle import complete
from gateway.work.transitions import move
from tests.browser import FormBrowser
from tests.ended_rows import claim_transfer, submit_job
from tests.workflows import SMOOTH, end_job, end_transfer, new_workflow, start, step_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def test_a_runs_page_has_the_figures_of_its_steps_and_the_output_of_its_job(
    api: TestClient, browser: FormBrowser
) -> None:
    run_id = str(new_workflow())
    path = f"/console/work/workflow/{run_id}"
    input_id = step_id(run_id, "input", is_job=False)
    claim = claim_transfer(input_id)
    with session_scope() as session:
        row = session.get_one(Transfer, input_id)
        row.bytes_total, row.bytes_done, row.bytes_per_s = 4_000_000, 1_000_000, 250_000
        row.estimated_end_at = utc_now() + timedelta(seconds=12)
    page = browser.open(path)
    moving = ("1 MB of 4 MB, 250 kB/s, ready <time", '<progress max="4000000" value="1000000"')
    assert [text for text in moving if text not in page] == []
    assert "/log/stdout" not in page
    with session_scope() as session:
        complete(session, claim, 4_000_000)
    job_id = step_id(run_id, "smooth")
    submit_job(job_id)
    with session_scope() as session:
        job = session.get_one(Job, job_id)
        move(session, job, JobState.RUNNING)
        job.started_at, job.usage = utc_now() - timedelta(minutes=2), {"cpu_s": 90, "peak_rss_bytes": 2e8}
    page = browser.open(path)
    assert [text for text in ("ran 2 min", "cpu 1 min 30 s", "peak rss 200 MB") if text not in page] == []
    assert f'hx-get="/console/work/job/{job_id}/log/stdout"' in page


def test_a_filter_is_drawn_over_its_input(api: TestClient, browser: FormBrowser) -> None:
    kalman = {"name": "kalman", "services": ["kalman"], "input_from": "smooth"}
    run_id = start(api, SMOOTH, kalman, {"name": "raw", "services": ["wavelet", "fft"]})["id"]
    input_id = end_transfer(run_id)
    smooth_id, raw_id = end_job(run_id, "smooth"), end_job(run_id, "raw")
    kalman_id = end_job(run_id, "kalman")
    for name in ("kalman/kalman.csv", "raw/wavelet.csv", "raw/fft.csv"):
        end_transfer(run_id, name)
    page = browser.open(f"/console/work/workflow/{run_id}")
    plots = dict(re.findall(r'data-preview="/console/work/job/([^?]+)/preview\?points=1000"([^>]*)>', page))
    beneath = {
        place: re.findall(r'data-beneath="/console/work/([^?]+)\?', more) for place, more in plots.items()
    }
    assert beneath == {
        f"{smooth_id}/outputs/savitzky_golay": [f"s3_data/{input_id}/preview"],
        f"{kalman_id}/outputs/kalman": [f"job/{smooth_id}/outputs/savitzky_golay/preview"],
        f"{raw_id}/outputs/wavelet": [f"s3_data/{input_id}/preview"],
        f"{raw_id}/outputs/fft": [],
    }
