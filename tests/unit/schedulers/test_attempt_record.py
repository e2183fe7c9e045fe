"""The record of an attempt, read as hostile input, by itself and in reports from Slurm's records."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import FilesystemError
from gateway.schedulers.attempt_record import Exit, Start, forbid_start, read_exit, read_start
from gateway.schedulers.batch_script import ALREADY_STARTED, EXIT, STARTED
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.recovery import recover_report
from gateway.schedulers.slurm.reports import duplicate_jobs, translate_jobs
from gateway.states import JobState
from tests.poison import kinds_of, poison

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
START = Start(pid=7, ticks=1, boot_id="b0", host="n1", scheduler_id="7", started_at=NOW)
END = Exit(exit_code=3, signal=None, started_at=NOW, ended_at=NOW, time_limit_s=60)
ABOUT_NOTHING = {"missing"}


def job(state: str, number: int, folder: Path, exit_code: int | None = None) -> SlurmJob:
    return SlurmJob(
        id=number,
        name=folder.name,
        state=state,
        reason="None",
        partition="debug",
        priority=1,
        nodes=1,
        cpus=1,
        folder=folder,
        user_id=1000,
        exit_code=exit_code,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job.1").mkdir()
    return recorded(tmp_path / "job.1")


def recorded(folder: Path) -> Path:
    (folder / STARTED).write_text(START.model_dump_json())
    (folder / EXIT).write_text(END.model_dump_json())
    return folder


def test_the_record_that_the_script_writes_is_read(folder: Path) -> None:
    assert (read_start(folder), read_exit(folder)) == (START, END)


@pytest.mark.parametrize("kind", kinds_of(STARTED))
def test_a_poisoned_start_is_told_in_a_sentence(folder: Path, kind: str) -> None:
    poison(folder / STARTED, kind)
    if kind in ABOUT_NOTHING:
        assert read_start(folder) is None
        return
    with pytest.raises(FilesystemError, match=r"^started\.json of the job .*"):
        read_start(folder)


@pytest.mark.parametrize("kind", kinds_of(EXIT))
def test_a_poisoned_end_is_told_in_a_sentence(folder: Path, kind: str) -> None:
    poison(folder / EXIT, kind)
    if kind in ABOUT_NOTHING | {"numbers for texts", "control characters", "long texts"}:
        return  # the end has no text but times
    with pytest.raises(FilesystemError, match=r"^exit\.json of the job .*") as told:
        read_exit(folder)
    assert len(told.value.detail) < 300


@pytest.mark.parametrize("name", [STARTED, EXIT])
@pytest.mark.parametrize("kind", kinds_of(EXIT))
def test_slurms_other_jobs_see_nothing_of_a_poisoned_record(
    folder: Path, tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "job.2").mkdir()
    other = job("FAILED", 7, recorded(tmp_path / "job.2"), exit_code=3)
    poison(folder / name, kind)
    number = hash((name, kind)) % 10**6 + 100  # reports remember the ends that they read
    copies = [
        job("FAILED", number, folder, exit_code=3),
        job("PENDING", 8, folder),
        job("FAILED", number + 1, folder, exit_code=ALREADY_STARTED),
    ]
    reports = translate_jobs([*copies, other], 1000, NOW)
    assert (reports["job.2"].state, reports["job.2"].exit_code) == (JobState.FAILED, 3)
    assert reports.keys() <= {"job.1", "job.2"}
    assert {copy.id for copy in duplicate_jobs([*copies, other], 1000)} <= {8}
    report = recover_report("job.1", folder)
    if name == STARTED and kind == "missing":
        assert report is None
    elif report is not None and report.state is JobState.LOST and kind != "missing":
        assert f"{name} of the job" in report.reason


def test_a_start_that_is_taken_lets_no_copy_start(tmp_path: Path) -> None:
    assert forbid_start(tmp_path)
    assert forbid_start(tmp_path)
    start = read_start(tmp_path)
    assert start is not None
    assert start.abandoned
    assert recover_report("job.1", tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == [STARTED]


def test_a_start_that_was_made_is_not_taken(folder: Path) -> None:
    assert not forbid_start(folder)
    assert read_start(folder) == START


def test_a_folder_that_is_gone_lets_no_copy_start(tmp_path: Path) -> None:
    assert forbid_start(tmp_path / "gone")
