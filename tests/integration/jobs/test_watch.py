from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.clusters.telemetry import PartitionFigures
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.jobs import submissions, watch
from gateway.jobs.folders import control_folder
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job
from gateway.schedulers.attempt_record import Start, read_start
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.schedulers.batch_script import STARTED as STARTED_FILE
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import claims
from gateway.work.outbox import Message
from tests.rows import create, job, new_job, sending

pytestmark = pytest.mark.usefixtures("database")
STARTED = datetime(2026, 1, 2, tzinfo=UTC)


class Recorded:
    """A scheduler that says what a test wants it to say, and remembers what it was asked."""

    def __init__(self, *reports: JobReport, forgotten: JobReport | None = None, silent: str = "") -> None:
        self._reports = {report.name: report for report in reports}
        self._forgotten, self._silent = forgotten, silent
        self.cancelled: list[tuple[str, str]] = []
        self.recalled: list[list[str]] = []

    def submit(self, spec: JobSpec) -> str:
        raise AssertionError(spec)

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        raise AssertionError(specs)

    def find(self, job: SubmittedJob) -> JobReport | None:
        raise AssertionError(job)

    def largest_array(self) -> int:
        return 1

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        assert all(job.folder.name == job.name for job in jobs)
        self.recalled.append([job.name for job in jobs])
        return {job.name: self._forgotten for job in jobs if job.name != self._silent}

    def jobs(self) -> dict[str, JobReport]:
        return dict(self._reports)

    def accounting(self, job: SubmittedJob) -> None:
        raise AssertionError(job)

    def cancel(self, name: str, scheduler_id: str) -> None:
        self.cancelled.append((name, scheduler_id))

    def partitions(self) -> list[PartitionFigures]:
        return []

    def check(self) -> None:
        raise AssertionError


def _submitted() -> Job:
    row_id = new_job("fft")
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "w1")
        assert claim is not None
        submissions.record_submissions(session, {claim: "7"})
    return job(row_id)


def _watch(scheduler: Recorded) -> tuple[bool, list[Message]]:
    with sending() as sent:
        changed = watch.look(scheduler, _watched())
    return changed, sent


def _watched() -> WatchedJobs:
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    return watched


def _cancel_requested() -> Job:
    row = _submitted()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    return job(row.id)


def _report(row: Job, state: JobState, **details: object) -> JobReport:
    return JobReport(row.name, "7", state, **details)  # type: ignore[arg-type]  # each test names its own


def _finding(row_id: UUID) -> dict[str, object] | None:
    return job(row_id).finding


def test_a_waiting_job_shows_why_it_waits() -> None:
    row = _submitted()
    assert _watch(Recorded(_report(row, JobState.PENDING, reason="3 of 4 nodes"))) == (True, [])
    assert job(row.id).reason == "3 of 4 nodes"


def test_nothing_is_written_while_nothing_changes() -> None:
    row = _submitted()
    before = job(row.id).updated_at
    assert _watch(Recorded(_report(row, JobState.PENDING))) == (False, [])
    assert job(row.id).updated_at == before


def test_a_running_job_runs_and_has_a_start() -> None:
    row = _submitted()
    _watch(Recorded(_report(row, JobState.RUNNING, started_at=STARTED)))
    seen = job(row.id)
    assert (seen.state, seen.started_at) == (JobState.RUNNING, STARTED)


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [(JobState.SUCCEEDED, 0), (JobState.FAILED, 2), (JobState.TIMEOUT, None), (JobState.NODE_FAILURE, None)],
)
def test_an_end_is_found_and_sent_to_be_finished_but_not_yet_shown(
    state: JobState, exit_code: int | None
) -> None:
    row = _submitted()
    report = _report(row, state, exit_code=exit_code, reason="so it is")
    assert _watch(Recorded(report)) == (True, [Message("jobs.finish", row.id, "hpc.short")])
    assert _finding(row.id) == {"state": state, "exit_code": exit_code, "reason": "so it is"}
    assert job(row.id).state is JobState.PENDING
    assert _watch(Recorded(report)) == (False, [])


def test_a_job_that_the_scheduler_forgot_is_looked_for_in_its_folder() -> None:
    row = _submitted()
    _watch(Recorded(forgotten=_report(row, JobState.SUCCEEDED, exit_code=0)))
    assert _finding(row.id) == {"state": "succeeded", "exit_code": 0, "reason": ""}


def test_a_running_job_that_left_no_trace_is_lost_and_says_so() -> None:
    row = _submitted()
    _watch(Recorded(_report(row, JobState.RUNNING)))
    _watch(Recorded())
    assert _finding(row.id) == {"state": "lost", "exit_code": None, "reason": watch.LOST}


def test_a_job_that_was_lost_before_it_started_is_submitted_again() -> None:
    row = _submitted()
    assert _watch(Recorded()) == (True, [])
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
    row = _submitted()
    for _ in range(get_settings().budget("job")):
        _watch(Recorded())
        _submit_again(row.id)
    _watch(Recorded())
    assert job(row.id).state is JobState.FAILED
    assert f"given up after {get_settings().budget('job') + 1} tries: {watch.UNSTARTED}" == job(row.id).reason


def test_a_running_job_that_proves_not_to_have_started_is_submitted_again() -> None:
    row = _submitted()
    _watch(Recorded(_report(row, JobState.RUNNING, started_at=STARTED)))
    Path(control_folder(row)).mkdir(parents=True)
    _watch(Recorded())
    seen = job(row.id)
    assert (seen.state, seen.reason, seen.started_at) == (JobState.RETRYING, watch.UNSTARTED, None)


def test_all_forgotten_jobs_are_recalled_in_one_call() -> None:
    rows = [_submitted() for _ in range(3)]
    scheduler = Recorded(_report(rows[0], JobState.RUNNING))
    _watch(scheduler)
    assert [sorted(names) for names in scheduler.recalled] == [sorted(row.name for row in rows[1:])]
    empty = Recorded(_report(rows[0], JobState.RUNNING))
    _watch(empty)
    assert empty.recalled == [[]]


def test_a_job_on_which_no_report_can_be_given_now_stays_as_it_is() -> None:
    row = _submitted()
    assert _watch(Recorded(silent=row.name)) == (False, [])
    assert job(row.id).state is JobState.PENDING


def test_the_id_of_another_copy_is_recorded() -> None:
    row = _submitted()
    _watch(Recorded(JobReport(row.name, "8", JobState.PENDING)))
    assert job(row.id).scheduler_id == "8"


def test_a_cancelled_job_that_is_gone_before_it_started_is_cancelled() -> None:
    row = _submitted()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    _watch(Recorded())
    finding = _finding(row.id)
    assert finding is not None
    assert (finding["state"], finding["reason"]) == ("cancelled", watch.CANCELLED)


def test_a_cancelled_job_without_a_start_can_never_start_and_needs_no_answer() -> None:
    row = _cancel_requested()
    folder = Path(control_folder(row))
    folder.mkdir(parents=True)
    scheduler = Recorded(silent=row.name)
    _watch(scheduler)
    start = read_start(folder)
    assert start is not None
    assert start.abandoned
    assert scheduler.recalled == [[]]
    assert (_finding(row.id) or {})["state"] == "cancelled"


@pytest.mark.parametrize(
    ("recalled", "ends"), [(JobState.LOST, JobState.CANCELLED), (JobState.SUCCEEDED, JobState.SUCCEEDED)]
)
def test_a_cancelled_job_that_started_ends_as_its_folder_tells(recalled: JobState, ends: JobState) -> None:
    row = _cancel_requested()
    folder = Path(control_folder(row))
    folder.mkdir(parents=True)
    start = Start(pid=1, ticks=1, boot_id="b", host="n1", scheduler_id="7", started_at=STARTED)
    (folder / STARTED_FILE).write_text(start.model_dump_json())
    _watch(Recorded(forgotten=_report(row, recalled)))
    assert (_finding(row.id) or {})["state"] == ends


def test_a_cancel_reaches_the_copy_that_the_scheduler_has_and_no_other_job() -> None:
    row = _cancel_requested()
    scheduler = Recorded(JobReport(row.name, "8", JobState.PENDING))
    _watch(scheduler)
    assert scheduler.cancelled == [(row.name, "8")]
    gone = Recorded()
    _watch(gone)
    assert gone.cancelled == []


def test_one_unknown_job_does_not_break_the_others() -> None:
    lost, fine = _submitted(), _submitted()
    _watch(Recorded(_report(fine, JobState.RUNNING)))
    assert job(fine.id).state is JobState.RUNNING
    assert job(lost.id).state is JobState.RETRYING


def test_a_cancel_reaches_the_scheduler_while_the_job_is_there() -> None:
    row = _submitted()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row.id))
    scheduler = Recorded(_report(row, JobState.RUNNING))
    _watch(scheduler)
    assert scheduler.cancelled == [(row.name, "7")]
    ended = Recorded(_report(row, JobState.CANCELLED))
    _watch(ended)
    assert ended.cancelled == []


def test_a_slow_second_watcher_changes_nothing_that_is_final() -> None:
    row = _submitted()
    stale = _watched()
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row.id).values(state=JobState.SUCCEEDED))
    with sending() as sent:
        assert watch.look(Recorded(_report(row, JobState.FAILED, exit_code=1)), stale)
    assert sent == []
    assert _finding(row.id) is None
    assert job(row.id).next_send_at is None


def test_a_cluster_is_summed_up_by_its_most_impatient_job() -> None:
    _submitted()
    with session_scope() as session:
        request = jobs.JobRequest(["fft"], "hpc", {"read_input_data": "/x"}, watch_period=2)
        claim = claims.take_submission(session, create(session, jobs.draft(session, "local", request)), "w1")
        assert claim is not None
        submissions.record_submissions(session, {claim: "8"})
    watched = _watched()
    assert (len(watched.by_name), watched.shortest_period_s) == (2, 2.0)
