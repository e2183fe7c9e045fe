"""Retention: expired rows are removed with their events and files, and nothing else is."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from typer.testing import CliRunner

from gateway.db import session_scope, utc_now
from gateway.models import Event, Job, Transfer
from gateway.states import JobState, TransferState
from gateway.work import claims
from gateway.work.outbox import Message
from gateway.work.overdue import take_overdue
from gateway.work.transitions import move
from hpc_gateway_client.commands import app
from tests.rows import new_job, new_transfer
from workers.removal import TRIES
from workers.tasks.retention import prune_job, prune_transfer

pytestmark = pytest.mark.usefixtures("database")
DAY_S = 86400
TASKS = {"transfers.prune": prune_transfer, "jobs.prune": prune_job}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _end(model: type[Transfer | Job], row_id: UUID, days: float, claim: int = 1, **values: object) -> UUID:
    state = TransferState.COMPLETED if model is Transfer else JobState.SUCCEEDED
    ended = {
        "state": state,
        "ended_at": utc_now() - timedelta(days=days),
        "claim": claim,
        "next_send_at": None,
    }
    with session_scope() as session:
        session.execute(update(model).where(model.id == row_id).values(**ended, **values))
    return row_id


def _staged(home: Path, path: str, days: float, data: bytes = b"1,2\n") -> UUID:
    """Make a file as a transfer that ended so long ago has brought it."""
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    written = time.time() - days * DAY_S
    os.utime(file, (written, written))
    return _end(Transfer, new_transfer(path=path), days, bytes_done=len(data))


def _ran(home: Path, days: float, attempts: int = 1) -> tuple[UUID, Path]:
    row_id = _end(Job, new_job("fft"), days, attempt=attempts, run=attempts)
    runs = home / "serrano/data/Output_Data/jobs"
    for run in range(1, attempts + 1):
        (home / f".hpc-gateway/jobs/{row_id}.{run}").mkdir(parents=True)
        (home / f".hpc-gateway/jobs/{row_id}.{run}/exit.json").write_text("{}")
        (runs / f"{row_id}.{run}/CSVFormate").mkdir(parents=True)
        (runs / f"{row_id}.{run}/CSVFormate/FFT_Filter_output.csv").write_text("1")
    return row_id, runs


def _prune(*words: str) -> str:
    done = CliRunner().invoke(app, ["prune", *words])
    assert done.exit_code == 0, done.output
    return done.output


def _messages() -> list[Message]:
    with session_scope() as session:
        return take_overdue(session, 100)


def _work_off() -> list[str]:
    """Do what the cluster's worker does with the messages that the sweep sends."""
    messages = _messages()
    for message in messages:
        TASKS[message.task].apply(args=[str(message.id)], throw=True)
    return sorted(message.task for message in messages)


def _rows() -> set[UUID]:
    with session_scope(read_only=True) as session:
        rows = {*session.scalars(select(Transfer.id)), *session.scalars(select(Job.id))}
        assert set(session.scalars(select(Event.work_id))) == rows  # a history goes with its row
        return rows


def test_rows_and_their_files_go_and_younger_ones_stay(home: Path) -> None:
    old, young = _staged(home, "serrano/data/old.csv", 31), _staged(home, "serrano/data/young.csv", 29)
    (old_job, runs), (young_job, _) = _ran(home, 31, attempts=2), _ran(home, 29)
    running = new_job("fft")
    assert "2 rows would be removed (--yes removes them)" in _prune("--older-than", "30d")
    assert _messages() == []
    assert "2 rows are removed:" in _prune("--older-than", "30d", "--yes")
    assert _rows() == {old, young, old_job, young_job, running}  # until the files are removed
    assert _work_off() == ["jobs.prune", "transfers.prune"]
    assert _rows() == {young, young_job, running}
    assert [path.name for path in runs.iterdir()] == [f"{young_job}.1"]
    assert [path.name for path in (home / ".hpc-gateway/jobs").iterdir()] == [f"{young_job}.1"]
    assert [path.name for path in (home / "serrano/data").glob("*.csv")] == ["young.csv"]
    assert "0 rows would be removed" in _prune("--older-than", "30d")


def test_what_no_worker_ever_had_goes_at_once() -> None:
    for infrastructure in ("hpc", "unserved"):
        _end(Transfer, new_transfer(infrastructure=infrastructure), 31, claim=0)
    _end(Job, new_job("fft", infrastructure="unserved"), 31, claim=0)
    _prune("--older-than", "30d", "--yes")
    assert _rows() == set()
    assert _messages() == []


def test_what_belongs_to_a_cluster_that_is_gone_goes_at_once() -> None:
    row_id = new_transfer()
    _end(Transfer, row_id, 31, infrastructure="gone")
    _prune("--older-than", "30d", "--yes")
    assert _rows() == set()


@pytest.mark.parametrize("change", ["written since", "another size", "a link", "a folder", "not there"])
def test_a_file_that_is_no_longer_what_was_staged_stays(home: Path, change: str) -> None:
    _staged(home, "serrano/x.csv", 31)
    file = home / "serrano/x.csv"
    if change == "written since":
        file.touch()
    elif change == "another size":
        file.write_bytes(b"1,2,3\n")
        os.utime(file, (1e9, 1e9))
    else:
        file.unlink()
    (home / "elsewhere.csv").write_bytes(b"1,2\n")
    if change == "a link":
        file.symlink_to(home / "elsewhere.csv")
    elif change == "a folder":
        file.mkdir()
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == set()
    assert os.path.lexists(file) == (change != "not there")
    assert (home / "elsewhere.csv").exists()


def test_a_file_that_a_later_transfer_brought_is_that_ones(home: Path) -> None:
    _staged(home, "serrano/x.csv", 40)
    later = _staged(home, "serrano/x.csv", 29)
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == {later}
    assert (home / "serrano/x.csv").exists()


def test_what_running_work_needs_stays_until_it_has_ended(home: Path) -> None:
    staged = _staged(home, "serrano/data/Init_Data/x.csv", 31)
    done, runs = _ran(home, 31)
    reader = new_job("fft", read_input_data="/Init_Data/x.csv")
    result = f"serrano/data/Output_Data/jobs/{done}.1/CSVFormate/FFT_Filter_output.csv"
    sender = new_transfer("s3_result", path=result)
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == {staged, done, reader, sender}
    assert (runs / f"{done}.1").exists()
    _end(Job, reader, 0)
    _end(Transfer, sender, 0)
    with session_scope() as session:
        for model in (Transfer, Job):
            waiting = update(model).where(model.prune_requested_at.is_not(None))
            session.execute(waiting.values(next_send_at=utc_now() - timedelta(seconds=1)))
    _work_off()
    assert _rows() == {reader, sender}
    assert list(runs.iterdir()) == []
    assert not (home / "serrano/data/Init_Data/x.csv").exists()


def test_work_whose_path_is_refused_today_needs_no_files(home: Path) -> None:
    _staged(home, "serrano/x.csv", 31)
    refused_transfer, refused_job = new_transfer(), new_job("fft")
    with session_scope() as session:
        session.get_one(Transfer, refused_transfer).path = ".ssh/authorized_keys"
        row = session.get_one(Job, refused_job)
        row.params = {**row.params, "read_input_data": "../../../.ssh/id"}
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == {refused_transfer, refused_job}
    assert not (home / "serrano/x.csv").exists()


def test_the_parts_of_a_prefix_stay_as_long_as_the_whole(home: Path) -> None:
    whole = _end(Transfer, new_transfer(path="serrano/p"), 29, children={"completed": 1})
    part = _end(Transfer, new_transfer(path="serrano/p/x"), 31, parent_id=whole)
    _prune("--older-than", "30d", "--yes")
    assert _messages() == []
    _end(Transfer, whole, 31)
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == set()
    assert part != whole


def test_leftovers_of_a_try_go_too(home: Path) -> None:
    row_id = _end(Transfer, new_transfer(path="serrano/x.csv"), 31)
    (home / "serrano").mkdir()
    for kind in ("part", "notes"):
        (home / f"serrano/.x.csv.{row_id.hex}.{kind}").write_text("")
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert list((home / "serrano").iterdir()) == []


def test_a_row_whose_removal_always_ends_its_worker_goes_all_the_same(home: Path) -> None:
    _staged(home, "serrano/data/x.csv", 31)
    _prune("--older-than", "30d", "--yes")
    for _ in range(TRIES // claims.DEAD_REMOVAL):
        with session_scope() as session:
            session.execute(update(Transfer).values(next_send_at=utc_now()))
        (message,) = _messages()
        with session_scope() as session:
            assert claims.take_expired(session, Transfer, message.id)
            session.execute(update(Transfer).values(lease_until=utc_now() - timedelta(seconds=1)))
    with session_scope() as session:
        session.execute(update(Transfer).values(next_send_at=utc_now()))
    _work_off()
    assert (_rows(), (home / "serrano/data/x.csv").exists()) == (set(), True)


def test_a_folder_that_is_a_link_out_of_the_roots_is_left_alone(home: Path, tmp_path: Path) -> None:
    row_id, runs = _ran(home, 31)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("")
    folder = runs / f"{row_id}.1"
    (folder / "CSVFormate" / "inner").symlink_to(outside)
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == set()
    assert not folder.exists()
    other, _ = _ran(home, 31)
    folder = runs / f"{other}.1"
    folder.rename(outside / "moved")
    folder.symlink_to(outside / "moved")
    _prune("--older-than", "30d", "--yes")
    _work_off()
    assert _rows() == set()
    assert (outside / "precious").exists()
    assert (outside / "moved/CSVFormate/FFT_Filter_output.csv").exists()


def test_a_retry_of_what_is_being_removed_is_409(api: TestClient) -> None:
    row_id = _end(Transfer, new_transfer(), 31)
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.state = TransferState.TRANSFERRING
        move(session, row, TransferState.FAILED, "no")
        row.ended_at = utc_now() - timedelta(days=31)
    _prune("--older-than", "30d", "--yes")
    answer = api.post(f"/s3_data/{row_id}/retry")
    assert answer.status_code == 409
    assert "being removed" in answer.json()["detail"]


BAD = ["", "0d", "-1d", "30", "d", "30 d", "1.5d", "30y", "999999d", "30d; ls", "٣d"]


@pytest.mark.parametrize("text", BAD)
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    row_id = _end(Transfer, new_transfer(), 400)
    done = CliRunner().invoke(app, ["prune", "--older-than", text, "--yes"])
    assert done.exit_code == 2
    assert _rows() == {row_id}


def test_many_rows_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.operations.retention.BATCH", 3)
    for _ in range(8):
        _end(Transfer, new_transfer(), 31)
    assert "8 rows are removed:" in _prune("--older-than", "30d", "--yes")
    assert len(_messages()) == 8
