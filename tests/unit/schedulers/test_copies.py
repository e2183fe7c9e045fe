"""A restarted slurmctld gives ids again and launches jobs again: the folder proves which record counts."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.schedulers.batch_script import ALREADY_STARTED, NO_FOLDER
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.reports import translate_jobs
from gateway.states import JobState
from tests.unit.schedulers.slurm_records import NAME, NOW, USER, record, write_exit, write_start


def told(*copies: SlurmJob) -> tuple[JobState | None, str] | None:
    """Return state and id of the report on the job, or None when no record tells of a run."""
    report = translate_jobs(copies, USER, NOW).get(NAME)
    return None if report is None else (report.state, report.scheduler_id)


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [
        ("CANCELLED", 0),  # "Job already running, do not launch second copy"
        ("CANCELLED", 15),  # the same, with the exit code of the other job of this id
        ("FAILED", 1),  # "Job already killed, do not launch batch job"
    ],
)
def test_a_job_that_its_node_refused_to_launch_is_left_out(
    tmp_path: Path, state: str, exit_code: int
) -> None:
    assert told(record(state, folder=tmp_path, ran_s=0, exit_code=exit_code)) is None


@pytest.mark.parametrize(("up_for", "expected"), [(700, (JobState.CANCELLED, "7")), (500, None), (-5, None)])
def test_a_person_s_cancel_before_the_start_is_told_where_slurmctld_has_not_been_restarted(
    tmp_path: Path, up_for: int, expected: object
) -> None:
    seen = record("CANCELLED", folder=tmp_path, ran_s=3)
    assert told(replace(seen, controller_since=NOW - timedelta(seconds=up_for))) == expected
    refused = record("FAILED", folder=tmp_path, ran_s=0, exit_code=1)
    assert told(replace(refused, controller_since=NOW - timedelta(days=1))) is None


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ({"state": "CANCELLED"}, JobState.CANCELLED),  # by a person, in the queue
        ({"state": "CANCELLED", "ran_s": 11}, JobState.CANCELLED),  # by a person, in a long prolog
        ({"state": "FAILED", "ran_s": 0, "exit_code": NO_FOLDER}, JobState.FAILED),
        ({"state": "FAILED", "ran_s": 0, "exit_code": 127}, JobState.FAILED),
        ({"state": "NODE_FAIL", "ran_s": 0, "exit_code": 1}, JobState.NODE_FAILURE),
    ],
)
def test_other_ends_before_the_start_are_believed(
    tmp_path: Path, seen: dict[str, object], state: JobState
) -> None:
    assert told(record(folder=tmp_path, **seen)) == (state, "7")  # type: ignore[arg-type]


def test_the_copy_that_can_still_start_is_told(tmp_path: Path) -> None:
    refused = record("FAILED", 7, folder=tmp_path, ran_s=0, exit_code=1)
    deleted, waiting = record("CANCELLED", 8, folder=tmp_path), record("PENDING", 9, folder=tmp_path)
    assert told(refused, waiting) == (JobState.PENDING, "9")
    assert told(deleted, waiting) == (JobState.PENDING, "9")
    assert told(refused, deleted) == (JobState.CANCELLED, "8")


def test_a_cancelled_copy_does_not_hide_the_one_that_has_started(tmp_path: Path) -> None:
    """The gateway itself cancels copies of a job that has started."""
    write_start(tmp_path, "7")
    assert told(record("CANCELLED", 8, folder=tmp_path)) is None


@pytest.mark.parametrize(("state", "exit_code"), [("CANCELLED", 15), ("FAILED", 1)])
@pytest.mark.parametrize("left_its_end", [True, False])
def test_a_second_launch_under_the_same_id_does_not_tell_of_the_first(
    tmp_path: Path, state: str, exit_code: int, *, left_its_end: bool
) -> None:
    write_start(tmp_path)
    if left_its_end:
        write_exit(tmp_path, 143, 15)
    assert told(record(state, folder=tmp_path, ran_s=0, exit_code=exit_code, start_s=7)) is None


@pytest.mark.parametrize("ran_s", [0, 1, 2])
def test_a_second_launch_after_a_short_run_does_not_tell_of_the_first(tmp_path: Path, ran_s: int) -> None:
    """Nobody has cancelled the run, which failed by itself before slurmctld launched it again."""
    write_start(tmp_path)
    write_exit(tmp_path, 1, ran_s=ran_s)
    assert told(record("CANCELLED", folder=tmp_path, ran_s=0, exit_code=15, start_s=6)) is None


@pytest.mark.parametrize("left_its_end", [True, False])
def test_a_second_launch_that_found_the_start_does_not_tell_of_the_first(
    tmp_path: Path, *, left_its_end: bool
) -> None:
    write_start(tmp_path)
    if left_its_end:
        write_exit(tmp_path, 3)
    second = record("FAILED", folder=tmp_path, ran_s=1, exit_code=ALREADY_STARTED, start_s=7)
    assert told(second) is None


@pytest.mark.parametrize("ran_s", [1, 20])
@pytest.mark.parametrize("clock_s", [-3, 0, 3])
def test_a_run_that_a_person_cancels_is_cancelled_whatever_the_clocks_say(
    tmp_path: Path, ran_s: int, clock_s: int
) -> None:
    write_start(tmp_path)
    write_exit(tmp_path, 143, 15, ran_s=ran_s)
    seen = record("CANCELLED", folder=tmp_path, ran_s=ran_s, exit_code=15, start_s=clock_s)
    assert told(seen) == (JobState.CANCELLED, "7")


@pytest.mark.parametrize("grace_s", [2, 30])
@pytest.mark.parametrize("clock_s", [-3, 0])
def test_a_script_that_runs_on_after_a_person_s_cancel_is_cancelled(
    tmp_path: Path, grace_s: int, clock_s: int
) -> None:
    """Slurm's record ends with the cancel; the script has until KillWait to end."""
    write_start(tmp_path)
    write_exit(tmp_path, 143, 15, ran_s=grace_s)
    seen = record("CANCELLED", folder=tmp_path, ran_s=0, exit_code=15, start_s=clock_s)
    assert told(seen) == (JobState.CANCELLED, "7")


@pytest.mark.parametrize("state", ["NODE_FAIL", "FAILED", "CANCELLED"])
def test_a_run_that_ended_well_has_succeeded_although_slurm_lost_its_end(tmp_path: Path, state: str) -> None:
    write_start(tmp_path)
    write_exit(tmp_path, 0)
    [report] = translate_jobs([record(state, folder=tmp_path, ran_s=20, exit_code=1)], USER, NOW).values()
    assert (report.state, report.exit_code, report.reason) == (JobState.SUCCEEDED, 0, "")


def test_a_node_that_failed_is_believed_when_the_run_did_not_end_well(tmp_path: Path) -> None:
    write_start(tmp_path)
    write_exit(tmp_path, 1)
    assert told(record("NODE_FAIL", folder=tmp_path, ran_s=20)) == (JobState.NODE_FAILURE, "7")


def test_a_start_that_appears_late_is_seen(tmp_path: Path) -> None:
    """A shared filesystem may show it some seconds after Slurm has told of the end."""
    seen = record("FAILED", folder=tmp_path, ran_s=0, exit_code=1)
    assert told(seen) is None
    write_start(tmp_path)
    write_exit(tmp_path, 1, ran_s=0)
    assert told(seen) == (JobState.FAILED, "7")
