"""A sweep inside a workflow: its members, their results in one place, the table, retry and bad members."""

import csv
import io
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.db import session_scope
from gateway.jobs.member_table import member_table
from gateway.models import JobMember, Transfer
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.transfers import prefixes
from gateway.workflows import sweeps
from tests import running_jobs
from tests.ended_rows import claim_transfer
from tests.preview_bytes import preview_bytes
from tests.preview_replies import reply_previews
from tests.rows import job, transfer
from tests.workflows import SMOOTH, body, end_transfer, show, start, states, step_id

FFT: dict[str, Any] = {"name": "spectrum", "services": ["fft"], "params": {"num_thread": 1}}
SWEEP: dict[str, Any] = {"job": "spectrum", "params": [{"perforation_stride": k} for k in (1, 2, 3)]}


@pytest.fixture
def home(api: TestClient, tmp_path: Path) -> Path:
    home = running_jobs.use_kernel(tmp_path)
    (home / "serrano/data/Output_Data").mkdir(parents=True)
    return home


def run(mine: str) -> UUID:
    row_id = step_id(mine, "spectrum")
    running_jobs.submit(row_id)
    running_jobs.finish(row_id)
    return row_id


def results(mine: str) -> list[tuple[str, str]]:
    """Expand the transfer of the results; return key and path of each file."""
    row_id = step_id(mine, "spectrum/", is_job=False)
    claim = claim_transfer(row_id)
    with session_scope() as session:
        prefixes.expand_prefix(session, claim, sweeps.list_results(session, transfer(row_id)))
    wanted = select(Transfer.object, Transfer.path).where(Transfer.parent_id == row_id)
    with session_scope(read_only=True) as session:
        return [(key, path) for key, path in session.execute(wanted.order_by(Transfer.created_at))]


def test_all_results_go_to_one_place_with_the_table(api: TestClient, home: Path) -> None:
    status = start(api, FFT, sweep=SWEEP)
    mine = status["id"]
    assert [*states(status)] == ["input", "spectrum", "spectrum/"]
    waiting = api.get(f"/workflow/{mine}/members?limit=2").json()
    assert [(m["name"], m["params"], m["state"]) for m in waiting["items"]] == [
        ("0000", {"perforation_stride": 1}, "accepted"),
        ("0001", {"perforation_stride": 2}, "accepted"),
    ]
    assert waiting["next"] == "2"
    end_transfer(mine)
    row_id = run(mine)
    folder = f"serrano/data/Output_Data/jobs/{row_id}.1"
    assert results(mine) == [
        *(
            (f"results/spectrum/{k:04d}/fft.csv", f"{folder}/{k:04d}/CSVFormate/FFT_Filter_output.csv")
            for k in range(3)
        ),
        ("results/spectrum/members.csv", f"{folder}/members.csv"),
    ]
    rows = list(csv.DictReader(io.StringIO((home / folder / "members.csv").read_text())))
    assert [(r["member"], r["state"], r["params.perforation_stride"], r["outputs"]) for r in rows] == [
        (f"{k:04d}", "succeeded", str(k + 1), f"{k:04d}/fft.csv") for k in range(3)
    ]
    assert show(api, mine)["state"] == "running"
    shown = api.get(f"/workflow/{mine}/members?cursor=2").json()
    assert shown["next"] is None
    [last] = shown["items"]
    assert (last["state"], last["success"], last["exit_code"]) == ("succeeded", True, 0)
    assert last["outputs"][0]["service"] == "fft"
    assert last["usage"]["cpu_s"] == 0.5


def test_a_member_s_result_is_drawn(api: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reply_previews(monkeypatch)
    mine = start(api, FFT, sweep=SWEEP, input={"path": "/Init_Data/x.csv"})["id"]
    url = f"/workflow/{mine}/members"
    early = api.get(f"{url}/0001/outputs/fft/preview")
    assert (early.status_code, "has no result yet" in early.json()["detail"]) == (404, True)
    row_id = run(mine)
    folder = home / f"serrano/data/Output_Data/jobs/{row_id}.1"
    for k in range(2):
        (folder / f"{k:04d}/fft.preview").write_bytes(preview_bytes([0], {"a": ([k], [k + 5])}))
    answer = api.get(f"{url}/0001/outputs/fft/preview")
    assert answer.json()["signals"][0]["max"] == [6]
    again = api.get(f"{url}/0001/outputs/fft/preview", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path, words in (
        ("0002/outputs/fft", "has no preview"),
        ("0001/outputs/kalman", "member 0001 of job"),
        ("0003/outputs/fft", "has no member '0003'"),
        ("00001/outputs/fft", "has no member '00001'"),
    ):
        missing = api.get(f"{url}/{path}/preview")
        assert (missing.status_code, words in missing.json()["detail"]) == (404, True), missing.text


def test_a_retry_of_the_workflow_runs_the_failed_members_alone(api: TestClient, home: Path) -> None:
    mine = start(api, FFT, sweep=SWEEP, input={"path": "/Init_Data/x.csv"})["id"]
    (home / "serrano/data/Output_Data/fail").touch()
    row_id = run(mine)
    with session_scope() as session:
        first = session.get_one(JobMember, (row_id, 0))
        path = f"serrano/data/Output_Data/jobs/{row_id}.1/0000/x.csv"
        first.state, first.outputs = JobState.SUCCEEDED, [{"service": "fft", "path": path, "bytes": 1}]
    status = show(api, mine)
    assert (status["state"], status["success"]) == ("failed", False)
    assert "3 of 3 members did not succeed" in status["reason"]
    (home / "serrano/data/Output_Data/fail").unlink()
    assert api.post(f"/workflow/{mine}/retry").status_code == 200
    assert job(row_id).members_left == 2
    run(mine)
    keys = dict(results(mine))
    assert keys["results/spectrum/0000/fft.csv"] == path
    assert f"{row_id}.2/0001/" in keys["results/spectrum/0001/fft.csv"]
    assert keys["results/spectrum/members.csv"].endswith(f"{row_id}.2/members.csv")


def test_members_count_each_when_the_step_begins(
    api: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "concurrent_jobs", 2)
    mine = start(api, FFT, sweep=SWEEP)["id"]
    end_transfer(mine)
    status = show(api, mine)
    assert status["state"] == "failed"
    assert "this has 3 members" in status["reason"]


def test_a_sweep_that_begins_at_once_is_429_when_its_members_do_not_fit(
    api: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "concurrent_jobs", 2)
    (home / "serrano/data/x.csv").write_text("1,2\n3,4\n")
    answer = api.post("/workflow", json=body(FFT, input={"path": "/x.csv"}, sweep=SWEEP))
    assert (answer.status_code, "this has 3 members" in answer.json()["message"]) == (429, True)
    assert api.get("/workflow").json()["items"] == []


@pytest.mark.parametrize("cursor", ["x", "-1", "12345"])
def test_a_wrong_cursor_is_refused(cursor: str, api: TestClient) -> None:
    mine = start(api, FFT, sweep=SWEEP)["id"]
    answer = api.get(f"/workflow/{mine}/members?cursor={cursor}")
    assert answer.status_code == 400
    assert "cursor" in answer.json()["detail"]


def test_a_workflow_without_a_sweep_has_no_members(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    assert api.get(f"/workflow/{mine}/members").status_code == 404
    assert api.get(f"/workflow/{UUID(int=0)}/members").status_code == 404


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"num_core_numa": 2}, "sweep.params.1.num_core_numa"),
        ({"fft": {"nothing": 1}}, "sweep.params.1.fft.nothing"),
        ({"profiling_workspace": "/../../../etc"}, "sweep.params.1.profiling_workspace"),
    ],
)
def test_a_bad_member_is_named_before_a_row_is_written(
    member: dict[str, Any], field: str, api: TestClient
) -> None:
    answer = api.post("/workflow", json=body(FFT, sweep={**SWEEP, "params": [{}, member]}))
    assert answer.status_code == 400
    assert ".".join(map(str, answer.json()["errors"][0]["loc"])) == f"body.{field}"
    assert api.get("/workflow").json()["items"] == []


def test_cells_that_a_spreadsheet_takes_for_formulas_are_quoted_and_numbers_are_not() -> None:
    given = {"a": "=1+1", "b": "-5", "c": "-x", "d": -0.5, "e": "@x", "f": "+1e3", "=g": '"'}
    row = JobMember(number=0, params=given, state=JobState.FAILED, outputs=[], reason="+bad, worse")
    [cells] = csv.DictReader(io.StringIO(member_table([row])))
    assert [cells[f"params.{key}"] for key in given] == ["'=1+1", "-5", "'-x", "-0.5", "'@x", "+1e3", '"']
    assert cells["reason"] == "'+bad, worse"
