"""Job arrays of the local scheduler: each member runs once, and an array is one submission and one cancel."""

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.arrays import member_folder, member_name
from gateway.schedulers.base import JobSpec, SubmittedJob
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.polling import until

NAME, SIZE = "job.1.0", 5
NAMES = [member_name(NAME, index) for index in range(1, SIZE + 1)]


@pytest.fixture
def array(tmp_path: Path) -> JobSpec:
    folder = tmp_path / NAME
    return JobSpec(NAME, folder, ("/bin/bash", "-c", "true"), 1, 1, "processes", array_size=SIZE)


def ended(scheduler: LocalScheduler) -> bool:
    going = {JobState.PENDING, JobState.RUNNING}
    return all(report.state not in going for report in scheduler.jobs().values())


def test_every_member_runs_in_its_own_folder_and_is_reported_by_its_index(
    scheduler: LocalScheduler, array: JobSpec
) -> None:
    number = scheduler.submit(array)
    until("all members have ended", lambda: ended(scheduler))
    reports = scheduler.jobs()
    assert {name: (each.scheduler_id, each.state) for name, each in reports.items()} == {
        name: (f"{number}_{index}", JobState.SUCCEEDED) for index, name in enumerate(NAMES, 1)
    }
    ends = [attempt_record.read_exit(member_folder(array.folder, k)) for k in range(1, SIZE + 1)]
    assert all(ends)


def test_an_array_that_is_submitted_again_is_the_same_one_also_when_the_queue_has_dropped_it(
    scheduler: LocalScheduler, array: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = scheduler.submit(array)
    assert scheduler.submit(array) == number
    until("all members have ended", lambda: ended(scheduler))
    monkeypatch.setattr(local_scheduler, "FORGET_AFTER_S", -1)
    assert scheduler.jobs() == {}
    assert scheduler.submit(array) == number
    assert scheduler.jobs() == {}
    asked = SubmittedJob(NAME, "", array.folder, datetime.now(UTC), SIZE)
    found = scheduler.find(asked)
    assert found is not None
    assert found.state is JobState.SUCCEEDED
    assert scheduler.find(replace(asked, folder=array.folder / "none")) is None


def test_a_submission_that_was_cut_short_is_completed(
    scheduler: LocalScheduler, array: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed after three entries leaves three; the next call adds the others alone."""
    real, calls = os.link, itertools.count()

    def killed(*paths: Path) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        real(*paths)

    monkeypatch.setattr(os, "link", killed)
    with pytest.raises(KeyboardInterrupt):
        scheduler.submit(array)
    monkeypatch.undo()
    assert [*scheduler.jobs()] == NAMES[:3]
    scheduler.submit(array)
    until("all members have ended", lambda: ended(scheduler))
    reports = scheduler.jobs()
    assert [*reports] == NAMES
    assert {report.scheduler_id.partition("_")[0] for report in reports.values()} == {"1"}


def test_a_cancel_of_the_array_ends_the_waiting_and_the_running_members_and_no_other_job(
    scheduler: LocalScheduler, array: JobSpec, tmp_path: Path
) -> None:
    number = scheduler.submit(replace(array, command=("/bin/sleep", "60")))
    other = replace(array, name="job.2", folder=tmp_path / "job.2", array_size=1)
    scheduler.submit(other)
    scheduler.cancel("job.3", number)
    assert {report.state for report in scheduler.jobs().values()} == {JobState.RUNNING, JobState.PENDING}
    scheduler.cancel(NAME, f"{number}_2")
    until("all have ended", lambda: ended(scheduler))
    states = {name: report.state for name, report in scheduler.jobs().items()}
    assert states == dict.fromkeys(NAMES, JobState.CANCELLED) | {"job.2": JobState.SUCCEEDED}
    assert not (other.folder / "cancelled").exists()


def test_a_member_that_finds_its_script_removed_fails_alone(
    scheduler: LocalScheduler, array: JobSpec
) -> None:
    scheduler.submit(replace(array, command=("/bin/sleep", "60")))
    (member_folder(array.folder, 4) / batch_script.SCRIPT).unlink()
    reports = scheduler.jobs()
    assert reports[NAMES[3]].state is JobState.FAILED
    assert reports[NAMES[0]].state is JobState.RUNNING
    scheduler.cancel(NAME, "1")
    until("all have ended", lambda: ended(scheduler))
