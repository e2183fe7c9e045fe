"""Staged tables as the kernels judge them, from the file to `/table` and `/preview` of the API."""

import sys
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from gateway.clusters.configuration import CONTROL, configured_clusters
from gateway.db import session_scope
from gateway.jobs.spec import CACHE
from gateway.models import JudgedTable, Transfer
from gateway.settings import get_settings
from gateway.states import JudgementState
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from tests.machine_code import warmed
from tests.rows import new_transfer
from workers.judge import Judge

TEXT = "when;x;y\n2026-01-01T00:00:00;1,5;7\n2026-01-01T00:00:02;2,5;NA\n"


@pytest.fixture
def cluster_home(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = Path(configured_clusters()["hpc"].home)
    control = home / CONTROL
    control.mkdir(mode=0o700, parents=True, exist_ok=True)
    (control / CACHE).symlink_to(warmed())
    monkeypatch.setenv("GATEWAY_JUDGE_PYTHON", sys.executable)
    get_settings.cache_clear()
    return home


def staged(home: Path, content: str | bytes | None, name: str = "x.csv") -> UUID:
    row_id = new_transfer(path=f"serrano/data/{name}")
    path = home / "serrano/data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with session_scope() as session:
        claim = claims.take_transfer(session, row_id, "w")
        assert claim is not None
        transfers.complete(session, claim, 10)
    return row_id


def judge_all() -> None:
    judge = Judge(configured_clusters()["hpc"])
    while judge.judge_next(threading.Event()):
        pass


def judged(row_id: UUID) -> JudgedTable:
    with session_scope(read_only=True) as session:
        return session.get_one(JudgedTable, row_id)


def test_a_staged_table_is_known_and_drawn(api: TestClient, cluster_home: Path) -> None:
    row_id = staged(cluster_home, TEXT)
    assert api.get(f"/s3_data/{row_id}/table").json()["state"] == "judging"
    assert api.get(f"/s3_data/{row_id}/preview").status_code == 404
    judge_all()
    answer = api.get(f"/s3_data/{row_id}/table")
    table = answer.json()
    assert table["problem"].startswith("x.csv: row 3, column 3 ('y'): expected a finite number, found 'NA'")
    expected = {
        "state": "known",
        "reason": "",
        "whole": True,
        "format": "csv",
        "packed": None,
        "separator": ";",
        "decimal": ",",
        "header": True,
        "time_column": "when",
        "rate": 0.5,
        "units": [],
        "samples": 2,
        "signals": ["x", "y"],
        "signals_total": 2,
        "missing": 1,
        "helps": "missing",
    }
    assert {key: table[key] for key in expected} == expected
    again = api.get(f"/s3_data/{row_id}/table", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    drawn = api.get(f"/s3_data/{row_id}/preview", params={"signals": "y"})
    assert drawn.json() == {
        "service": "table",
        "points": 2,
        "x": {"name": "when", "unit": "s", "values": [1767225600.0, 1767225602.0]},
        "signals": [{"name": "y", "unit": "", "min": [7.0, None], "max": [7.0, None]}],
        "samples": 2,
        "signals_total": 2,
    }
    assert api.get(f"/s3_data/{row_id}/preview", headers={"If-None-Match": "*"}).status_code == 304


def test_what_cannot_be_judged_is_unknown_with_the_reason(
    cluster_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, link = staged(cluster_home, None, "gone.csv"), staged(cluster_home, None, "link.csv")
    (cluster_home / "serrano/data/link.csv").symlink_to("/etc/passwd")
    judge_all()
    monkeypatch.setenv("GATEWAY_JUDGE_PYTHON", "/no/python")
    get_settings.cache_clear()
    without = staged(cluster_home, TEXT)
    judge_all()
    for row_id, words in ((gone, "gone.csv"), (link, "link.csv"), (without, "set GATEWAY_JUDGE_PYTHON")):
        row = judged(row_id)
        assert (row.state, row.ended_at is not None) == (JudgementState.UNKNOWN, True)
        assert words in row.reason


def test_hostile_names_and_headers_are_data(api: TestClient, cluster_home: Path) -> None:
    name = "a\u202e;$(id) 'x'.csv"
    row_id = staged(cluster_home, '"<script>\x1b[31m";b\n1;2\n', name)
    judge_all()
    table = api.get(f"/s3_data/{row_id}/table").json()
    assert (table["state"], table["signals"]) == ("known", ["<script>\x1b[31m", "b"])


def test_other_states_and_kinds(api: TestClient, cluster_home: Path) -> None:
    waiting, data = new_transfer(), staged(cluster_home, TEXT)
    assert api.get(f"/s3_data/{waiting}/table").json()["state"] == "judging"
    with session_scope() as session:
        session.delete(session.get_one(JudgedTable, data))  # as of a transfer of the version before
    assert api.get(f"/s3_data/{data}/table").json()["state"] == "judging"
    judge_all()
    assert api.get(f"/s3_data/{data}/table").json()["state"] == "known"
    api.post(f"/s3_data/{waiting}/cancel")
    cancelled = api.get(f"/s3_data/{waiting}/table").json()
    assert (cancelled["state"], cancelled["reason"]) == ("unknown", "the transfer is cancelled")
    for path in (f"/data/{data}/table", f"/s3_data/{uuid4()}/table", f"/s3_data/{uuid4()}/preview"):
        assert api.get(path).status_code == 404
    assert api.get(f"/s3_result/{data}/table").status_code == 404
    for query in ("points=9", "points=5001", "points=x", "signals=" + "a," * 65, "signals=none"):
        answer = api.get(f"/s3_data/{data}/preview?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in answer.json()["detail"]


def test_a_prefix_has_no_table(api: TestClient, cluster_home: Path) -> None:
    row_id = staged(cluster_home, TEXT)
    with session_scope() as session:
        session.get_one(Transfer, row_id).children = {"completed": 1}
        session.delete(session.get_one(JudgedTable, row_id))
    table = api.get(f"/s3_data/{row_id}/table").json()
    assert table["state"] == "unknown"
    assert "each file below it" in table["reason"]


def test_a_stop_in_the_middle_hands_the_table_back(cluster_home: Path) -> None:
    row_id, stop = staged(cluster_home, TEXT), threading.Event()
    stop.set()
    Judge(configured_clusters()["hpc"]).judge_next(stop)
    row = judged(row_id)
    assert (row.state, row.lease_until, row.ended_at) == (JudgementState.JUDGING, None, None)
    judge_all()
    assert judged(row_id).state is JudgementState.KNOWN
