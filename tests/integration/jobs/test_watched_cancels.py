"""Cancels of watched jobs: they reach the scheduler, and a job that has not started can never start."""

from pathlib import Path

import pytest

from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.jobs import watch
from gateway.jobs.folders import control_folder
from gateway.models import Job
from gateway.schedulers.attempt_record import Start, read_start
from gateway.schedulers.base import JobReport
from gateway.schedulers.batch_script import STARTED as STARTED_FILE
from gateway.states import JobState
from tests.integration.jobs.recorded_scheduler import (
    STARTED,
    Recorded,
    finding_of,
    look_once,
    report_on,
    submitted_job,
)
from tests.rows import job

pytestmark = pytest.mark.usefixtures("database")


def _cancel_requested() -> Job:
    row = submitted_job()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    return job(row.id)


def test_a_cancelled_job_that_is_gone_before_it_started_is_cancelled() -> None:
    row = submitted_job()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    look_once(Recorded())
    finding = finding_of(row.id)
    assert finding is not None
    assert (finding["state"], finding["reason"]) == ("cancelled", watch.CANCELLED)


def test_a_cancelled_job_without_a_start_can_never_start_and_needs_no_answer() -> None:
    row = _cancel_requested()
    folder = Path(control_folder(row))
    folder.mkdir(parents=True)
    scheduler = Recorded(silent=row.name)
    look_once(scheduler)
    start = read_start(folder)
    assert start is not None
    assert start.abandoned
    assert scheduler.recalled == [[]]
    assert (finding_of(row.id) or {})["state"] == "cancelled"


@pytest.mark.parametrize(
    ("recalled", "ends"), [(JobState.LOST, JobState.CANCELLED), (JobState.SUCCEEDED, JobState.SUCCEEDED)]
)
def test_a_cancelled_job_that_started_ends_as_its_folder_tells(recalled: JobState, ends: JobState) -> None:
    row = _cancel_requested()
    folder = Path(control_folder(row))
    folder.mkdir(parents=True)
    start = Start(pid=1, ticks=1, boot_id="b", host="n1", scheduler_id="7", started_at=STARTED)
    (folder / STARTED_FILE).write_text(start.model_dump_json())
    look_once(Recorded(forgotten=report_on(row, recalled)))
    assert (finding_of(row.id) or {})["state"] == ends


def test_a_cancel_reaches_the_copy_that_the_scheduler_has_and_no_other_job() -> None:
    row = _cancel_requested()
    scheduler = Recorded(JobReport(row.name, "8", JobState.PENDING))
    look_once(scheduler)
    assert scheduler.cancelled == [(row.name, "8")]
    gone = Recorded()
    look_once(gone)
    assert gone.cancelled == []


def test_a_cancel_reaches_the_scheduler_while_the_job_is_there() -> None:
    row = submitted_job()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    scheduler = Recorded(report_on(row, JobState.RUNNING))
    look_once(scheduler)
    assert scheduler.cancelled == [(row.name, "7")]
    ended = Recorded(report_on(row, JobState.CANCELLED))
    look_once(ended)
    assert ended.cancelled == []
