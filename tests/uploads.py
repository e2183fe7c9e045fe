"""Uploads and results for the tests of files of people without a store."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.jobs.lifecycle import finish
from gateway.models import Job
from gateway.states import JobState
from gateway.work.claims import take_ending
from tests.ended_rows import submit_job
from tests.rows import new_job

RESULT = b"x;y\n1;2\n"
CONTENT = b"a;b\n1;2\n"
NEW: dict[str, Any] = {"name": "größe 1.csv", "size": len(CONTENT)}


def upload(api: TestClient, outside: httpx.Client, content: bytes = CONTENT) -> dict[str, Any]:
    """Accept a file and upload it as the answer says."""
    file: dict[str, Any] = api.post("/files", json=NEW | {"size": len(content)}).json()
    request = file["upload"]
    stored = outside.request(request["method"], request["url"], headers=request["headers"], content=content)
    assert stored.status_code == 200, stored.text
    return file


def finish_job(home: Path, owner: str = "local", folder: str = "") -> UUID:
    """Make a succeeded job whose result lies in its folder."""
    row_id = new_job("fft", owner=owner)
    path = f"{folder}serrano/data/Output_Data/jobs/{row_id}.1/CSVFormate/FFT_Filter_output.csv"
    (home / path).parent.mkdir(parents=True)
    (home / path).write_bytes(RESULT)
    submit_job(row_id)
    with session_scope() as session:
        session.get_one(Job, row_id).finding = {"state": "succeeded", "exit_code": 0, "reason": ""}
    output = {"service": "fft", "path": path.removeprefix(folder), "bytes": len(RESULT), "sha256": "0" * 64}
    with session_scope() as session:
        claim = take_ending(session, row_id, "worker")
        assert claim is not None
        finish(session, claim, JobState.SUCCEEDED, "", outputs=[output], usage={})
    return row_id
