"""Results of a sweep's members for people without a store: each by a redirect, the table of all as CSV."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from tests import running_jobs
from tests.browser import FormBrowser
from tests.staging_rows import work
from tests.workflows import start, step_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FFT: dict[str, Any] = {"name": "spectrum", "services": ["fft"], "params": {"num_thread": 1}}
SWEEP: dict[str, Any] = {"job": "spectrum", "params": [{"perforation_stride": k} for k in (1, 2)]}
ON_THE_CLUSTER: dict[str, Any] = {"input": {"path": "/Init_Data/x.csv"}, "output": None}


@pytest.fixture
def home(files_api: TestClient, tmp_path: Path) -> Path:
    home = running_jobs.use_kernel(tmp_path)
    (home / "serrano/data/Output_Data").mkdir(parents=True)
    return home


def _transfers() -> list[Transfer]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(Transfer).order_by(Transfer.created_at)))


def test_a_members_result_is_on_its_way_and_then_redirected_to(
    files_api: TestClient, outside: httpx.Client, home: Path
) -> None:
    mine = start(files_api, FFT, sweep=SWEEP, **ON_THE_CLUSTER)["id"]
    url = f"/workflow/{mine}/members/0001/outputs/fft"
    early = files_api.get(url, follow_redirects=False)
    assert (early.status_code, "member 0001, is accepted" in early.json()["message"]) == (409, True)
    row_id = step_id(mine, "spectrum")
    running_jobs.submit(row_id)
    running_jobs.finish(row_id)
    for _ in range(2):
        assert files_api.get(url, follow_redirects=False).status_code == 202
    assert files_api.get(url.replace("0001", "0000"), follow_redirects=False).status_code == 202
    second, first = _transfers()
    assert [work(row.id).state for row in (first, second)] == [TransferState.COMPLETED] * 2
    there = files_api.get(url, follow_redirects=False)
    assert there.status_code == 307
    downloaded = outside.get(there.headers["location"])
    folder = home / f"serrano/data/Output_Data/jobs/{row_id}.1"
    assert downloaded.content == (folder / "0001/CSVFormate/FFT_Filter_output.csv").read_bytes()
    assert "0001_FFT_Filter_output.csv" in downloaded.headers["content-disposition"]
    table = files_api.get(f"/workflow/{mine}/members", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text == (folder / "members.csv").read_text()


def test_the_console_sends_the_browser_to_a_members_result_and_has_the_table_of_all(
    files_api: TestClient, outside: httpx.Client, home: Path
) -> None:
    mine = start(files_api, FFT, sweep=SWEEP, **ON_THE_CLUSTER)["id"]
    members = f"/console/work/workflow/{mine}/members"
    row_id = step_id(mine, "spectrum")
    running_jobs.submit(row_id)
    running_jobs.finish(row_id)
    browser = FormBrowser(files_api)
    assert f'href="{members}.csv"' in browser.open(members)
    table = browser.client.get(f"{members}.csv")
    folder = home / f"serrano/data/Output_Data/jobs/{row_id}.1"
    assert table.text == (folder / "members.csv").read_text()
    assert 'filename="members.csv"' in table.headers["content-disposition"]
    link = f"{members}/0001/outputs/fft"
    assert f'href="{link}">Download' in browser.open(f"{members}/0001")
    assert f'href="{members}/0001">Back to the member' in browser.open(link, 202)
    [transfer] = _transfers()
    work(transfer.id)
    there = browser.client.get(link)
    result = folder / "0001/CSVFormate/FFT_Filter_output.csv"
    assert outside.get(there.headers["location"]).content == result.read_bytes()


@pytest.mark.parametrize("name", ["0002", "9999", "x", "-1", "00001", "..%2f0000", "%C2%B2"])
def test_a_member_that_is_not_there(files_api: TestClient, home: Path, name: str) -> None:
    mine = start(files_api, FFT, sweep=SWEEP, **ON_THE_CLUSTER)["id"]
    answer = files_api.get(f"/workflow/{mine}/members/{name}/outputs/fft", follow_redirects=False)
    assert answer.status_code == 404


def test_a_workflow_without_a_sweep_has_no_members(files_api: TestClient) -> None:
    mine = start(files_api, FFT)["id"]
    for path in ("members/0000/outputs/fft", "members?format=csv"):
        assert files_api.get(f"/workflow/{mine}/{path}", follow_redirects=False).status_code == 404
