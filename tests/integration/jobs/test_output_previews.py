"""Previews of results over REST: read from the output folder as hostile input, sent by the worker."""

import os
import socket
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.jobs.folders import output_folder
from gateway.models import Job
from gateway.previews.preview import FILE_BYTES
from gateway.states import JobState
from tests.ended_rows import ended_job
from tests.preview_bytes import preview_bytes
from tests.preview_replies import reply_previews

DATA = preview_bytes([0, 10, 20], {"a": ([1, 2, 3], [3, 4, 5]), 'b,"': ([0, 0, 0], [9, 9, 9])})


@pytest.fixture
def job_id(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Return a job with a result of `kalman`; its worker replies at once."""
    reply_previews(monkeypatch)
    row_id = ended_job(JobState.SUCCEEDED)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.outputs = [{"service": "kalman", "path": "x.csv", "bytes": 1, "sha256": ""}]
        folder = Path(output_folder(row))
        folder.mkdir(parents=True, exist_ok=True)
        found = folder.stat()
        row.output_identity = f"{found.st_dev}:{found.st_ino}"
    return row_id


def place(row_id: UUID, name: str = "kalman.preview") -> Path:
    with session_scope(read_only=True) as session:
        return Path(output_folder(session.get_one(Job, row_id))) / name


def test_a_result_is_drawn(api: TestClient, job_id: UUID) -> None:
    place(job_id).write_bytes(DATA)
    url = f"/job/{job_id}/outputs/kalman/preview"
    answer = api.get(url)
    drawn = answer.json()
    assert [each["name"] for each in drawn["signals"]] == ["a", 'b,"']
    assert drawn["signals"][0]["max"] == [3, 4, 5]
    chosen = api.get(url, params={"signals": '"b,"""', "points": 10}).json()
    assert [each["name"] for each in chosen["signals"]] == ['b,"']
    again = api.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_there_is_404_and_what_is_asked_wrongly_400(api: TestClient, job_id: UUID) -> None:
    url = f"/job/{job_id}/outputs"
    for path, words in (
        (f"{url}/kalman/preview", "has no preview"),
        (f"{url}/fft/preview", "has no result of 'fft'"),
        (f"{url}/..%2f..%2fjob.json/preview", ""),
        (f"/job/{UUID(int=0)}/outputs/kalman/preview", ""),
    ):
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert words in answer.json()["detail"]
    place(job_id).write_bytes(DATA)
    answer = api.get(f"{url}/kalman/preview?signals=c")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "signals: the preview has no signal 'c'; it has 'a', 'b,\"' ...",
    )


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as file:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket has 107 bytes
        file.bind(path.name)
        os.chdir(here)


@pytest.mark.parametrize(
    "make",
    [
        _link,
        os.mkfifo,
        Path.mkdir,
        _socket,
        lambda path: path.write_bytes(DATA[:-1]),
        lambda path: path.write_bytes(bytes(FILE_BYTES + 1)),
    ],
    ids=["link", "pipe", "folder", "socket", "cut", "large"],
)
def test_hostile_files_are_no_previews(api: TestClient, job_id: UUID, make: Any) -> None:
    make(place(job_id))
    answer = api.get(f"/job/{job_id}/outputs/kalman/preview")
    assert answer.status_code == 404
    assert "has no preview: " in answer.json()["detail"]
    assert "root:" not in answer.text


def test_another_folder_in_its_place_has_none(api: TestClient, job_id: UUID) -> None:
    folder = place(job_id).parent
    folder.rename(folder.with_name("moved"))
    folder.mkdir()
    (folder / "kalman.preview").write_bytes(DATA)
    assert api.get(f"/job/{job_id}/outputs/kalman/preview").status_code == 404
