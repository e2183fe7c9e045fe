"""A scheduler of the tests whose reports are set, and looks at it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from gateway.clusters.telemetry import PartitionFigures
from gateway.db import session_scope
from gateway.jobs import submissions, watch
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job
from gateway.schedulers.base import Accounting, JobReport, JobSpec, SubmittedJob
from gateway.states import JobState
from gateway.work import claims
from gateway.work.outbox import Message
from tests.rows import job, new_job, sending

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

    def accounting(self, job: SubmittedJob) -> dict[str, Accounting]:
        raise AssertionError(job)

    def cancel(self, name: str, scheduler_id: str) -> None:
        self.cancelled.append((name, scheduler_id))

    def partitions(self) -> list[PartitionFigures]:
        return []

    def check(self) -> None:
        raise AssertionError


def submitted_job() -> Job:
    row_id = new_job("fft")
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "w1")
        assert claim is not None
        submissions.record_submissions(session, {claim: "7"})
    return job(row_id)


def look_once(scheduler: Recorded) -> tuple[bool, list[Message]]:
    with sending() as sent:
        changed = watch.look(scheduler, read_watched())
    return changed, sent


def read_watched() -> WatchedJobs:
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    return watched


def report_on(row: Job, state: JobState, **details: object) -> JobReport:
    return JobReport(row.name, "7", state, **details)  # type: ignore[arg-type]  # each test names its own


def finding_of(row_id: UUID) -> dict[str, object] | None:
    return job(row_id).finding
