"""Looks at the scheduler: reports, losses and forgotten jobs, written to their rows."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.jobs import submissions, watch
from gateway.jobs.folders import control_folder
from gateway.models import Job
from gateway.schedulers.base import JobReport
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import claims
from gateway.work.outbox import Message
from tests.integration.jobs.recorded_scheduler import (
    STARTED,
    Recorded,
    finding_of,
    look_once,
    read_watched,
    report_on,
    submitted_job,
)
from tests.rows import create, job, sending

pytestmark = pytest.mark.usefixtures("database")


def test_a_waiting_job_shows_why_it_waits() -> None:
    row = submitted_job()
    assert look_once(Recorded(report_on(row, JobState.PENDING, reason="3 of 4 nodes"))) == (True, [])
    assert job(row.id).reason == "3 of 4 nodes"


def test_nothing_is_written_while_nothing_changes() -> None:
    row = submitted_job()
    before = job(row.id).updated_at
    assert look_once(Recorded(report_on(row, JobState.PENDING))) == (False, [])
    assert job(row.id).updated_at == before


def test_a_running_job_runs_and_has_a_start() -> None:
    row = submitted_job()
    look_once(Recorded(report_on(row, JobState.RUNNING, started_at=STARTED)))
    seen = job(row.id)
    assert (seen.state, seen.started_at) == (JobState.RUNNING, STARTED)


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [(JobState.SUCCEEDED, 0), (JobState.FAILED, 2), (JobState.TIMEOUT, None), (JobState.NODE_FAILURE, None)],
)
def test_an_end_is_found_and_sent_to_be_finished_but_not_yet_shown(
    state: JobState, exit_code: int | None
) -> None:
    row = submitted_job()
    report = report_on(row, state, exit_code=exit_code, reason="so it is")
    assert look_once(Recorded(report)) == (True, [Message("jobs.finish", row.id, "hpc.short")])
    assert finding_of(row.id) == {"state": state, "exit_code": exit_code, "reason": "so it is"}
    assert job(row.id).state is JobState.PENDING
    assert look_once(Recorded(report)) == (False, [])


def test_a_job_that_the_scheduler_forgot_is_looked_for_in_its_folder() -> None:
    row = submitted_job()
    look_once(Recorded(forgotten=report_on(row, JobState.SUCCEEDED, exit_code=0)))
    assert finding_of(row.id) == {"state": "succeeded", "exit_code": 0, "reason": ""}


def test_a_running_job_that_left_no_trace_is_lost_and_says_so() -> None:
    row = submitted_job()
    look_once(Recorded(report_on(row, JobState.RUNNING)))
    look_once(Recorded())
    assert finding_of(row.id) == {"state": "lost", "exit_code": None, "reason": watch.LOST}


def test_a_job_that_was_lost_before_it_started_is_submitted_again() -> None:
    row = submitted_job()
    assert look_once(Recorded()) == (True, [])
    seen = job(row.id)
    assert (seen.state, seen.reason) == (JobState.RETRYING, watch.UNSTARTED)
    assert (seen.scheduler_id, seen.attempt, seen.finding) == ("", 1, None)
    assert seen.next_send_at is not None
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row.id).values(retry_at=None))
        claim = claims.take_submission(session, row.id, "w2")
    assert claim is not None
    assert claim.repeated


def _submit_again(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(retry_at=None))
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "w1")
        assert claim is not None
        submissions.record_submissions(session, {claim: "7"})


def test_a_job_that_is_lost_again_and_again_fails() -> None:
    """Each submission succeeds, and resets the failures that the row counts."""
    row = submitted_job()
    for _ in range(get_settings().budget("job")):
        look_once(Recorded())
        _submit_again(row.id)
    look_once(Recorded())
    assert job(row.id).state is JobState.FAILED
    assert f"given up after {get_settings().budget('job') + 1} tries: {watch.UNSTARTED}" == job(row.id).reason


def test_a_running_job_that_proves_not_to_have_started_is_submitted_again() -> None:
    row = submitted_job()
    look_once(Recorded(report_on(row, JobState.RUNNING, started_at=STARTED)))
    Path(control_folder(row)).mkdir(parents=True)
    look_once(Recorded())
    seen = job(row.id)
    assert (seen.state, seen.reason, seen.started_at) == (JobState.RETRYING, watch.UNSTARTED, None)


def test_all_forgotten_jobs_are_recalled_in_one_call() -> None:
    rows = [submitted_job() for _ in range(3)]
    scheduler = Recorded(report_on(rows[0], JobState.RUNNING))
    look_once(scheduler)
    assert [sorted(names) for names in scheduler.recalled] == [sorted(row.name for row in rows[1:])]
    empty = Recorded(report_on(rows[0], JobState.RUNNING))
    look_once(empty)
    assert empty.recalled == [[]]


def test_a_job_on_which_no_report_can_be_given_now_stays_as_it_is() -> None:
    row = submitted_job()
    assert look_once(Recorded(silent=row.name)) == (False, [])
    assert job(row.id).state is JobState.PENDING


def test_the_id_of_another_copy_is_recorded() -> None:
    row = submitted_job()
    look_once(Recorded(JobReport(row.name, "8", JobState.PENDING)))
    assert job(row.id).scheduler_id == "8"


def test_one_unknown_job_does_not_break_the_others() -> None:
    lost, fine = submitted_job(), submitted_job()
    look_once(Recorded(report_on(fine, JobState.RUNNING)))
    assert job(fine.id).state is JobState.RUNNING
    assert job(lost.id).state is JobState.RETRYING


def test_a_slow_second_watcher_changes_nothing_that_is_final() -> None:
    row = submitted_job()
    stale = read_watched()
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row.id).values(state=JobState.SUCCEEDED))
    with sending() as sent:
        assert watch.look(Recorded(report_on(row, JobState.FAILED, exit_code=1)), stale)
    assert sent == []
    assert finding_of(row.id) is None
    assert job(row.id).next_send_at is None


def test_a_cluster_is_summed_up_by_its_most_impatient_job() -> None:
    submitted_job()
    with session_scope() as session:
        request = jobs.JobRequest(["fft"], "hpc", {"read_input_data": "/x"}, watch_period=2)
        claim = claims.take_submission(session, create(session, jobs.draft(session, "local", request)), "w1")
        assert claim is not None
        submissions.record_submissions(session, {claim: "8"})
    watched = read_watched()
    assert (len(watched.by_name), watched.shortest_period_s) == (2, 2.0)
