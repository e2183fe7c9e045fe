"""A look at a cluster: one call to its scheduler for all jobs; the changes are written to their rows."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from gateway.clusters.served import cluster_of
from gateway.db import session_scope, utc_now
from gateway.errors import GatewayError, SchedulerUnavailable
from gateway.jobs.member_watch import look_at_sweeps
from gateway.jobs.reports import is_live, record_look, record_reports, record_silence
from gateway.jobs.run_folders import open_run, prevent_start
from gateway.jobs.spec import submitted_job
from gateway.jobs.watched_rows import WatchedJob, WatchedJobs
from gateway.models import Job
from gateway.schedulers.base import FORGOTTEN, JobReport, Scheduler
from gateway.states import JobState, is_final

_log = logging.getLogger(__name__)

LOST = f"{FORGOTTEN} and it left no exit file: its end is not known"
UNSTARTED = "the scheduler has lost or dropped the job before it started; it is submitted again"
CANCELLED = "cancelled before it started"
ROWS_AT_ONCE = 500

Transaction = Callable[[], AbstractContextManager[Session]]
_Item = TypeVar("_Item")


def look(scheduler: Scheduler, watched: WatchedJobs, transaction: Transaction = session_scope) -> bool:
    """Ask the scheduler for the watched jobs and write the changes; tell whether there were any.

    `transaction` opens each transaction of the look, and raises an error that ends it.
    """
    now = utc_now()
    reports = poll_scheduler(scheduler, watched, transaction)
    jobs = list(watched.by_name.values())
    changes = [
        (job, report) for job in jobs if (report := reports.get(job.name)) and job.is_changed_by(report)
    ]
    for batch in _batches(changes):
        with transaction() as session:
            written = record_reports(session, batch, now)
        for job, report in written:
            job.take(report)
        watched.drop([job for job, report in written if not is_live(report)])
    silent = [job for job in jobs if job.heard and job.name not in reports]
    again = [job for job in jobs if not job.heard and job.name in reports]
    has_moved = look_at_sweeps(scheduler, watched.sweeps, reports, transaction)
    _record_silence(silent, watched.looked_at or now, transaction)
    _record_silence(again, None, transaction)
    with transaction() as session:
        record_look(session, watched.infrastructure, now)
    watched.looked_at = now
    return bool(changes) or has_moved


def _record_silence(
    jobs: Sequence[WatchedJob], heard_until: datetime | None, transaction: Transaction
) -> None:
    """Record until when the scheduler was heard of the jobs, or that it reports on them again."""
    for batch in _batches(jobs):
        with transaction() as session:
            record_silence(session, [job.id for job in batch], heard_until)
        for job in batch:
            job.heard = heard_until is None


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + ROWS_AT_ONCE] for start in range(0, len(items), ROWS_AT_ONCE))


def poll_scheduler(
    scheduler: Scheduler, watched: WatchedJobs, transaction: Transaction = session_scope
) -> dict[str, JobReport]:
    """Return reports on all jobs from one call to the scheduler, and one for all jobs that it has forgotten.

    A job on which the scheduler cannot report now has no report, and waits for the next look.
    """
    reports = scheduler.jobs()
    for job in watched.by_name.values():
        if job.cancel_requested:
            report = reports.get(job.name)
            if report and not is_final(report.state or job.state):
                _cancel(scheduler, job, report.scheduler_id)
    rows: list[Job] = []
    if forgotten := watched.by_name.keys() - reports.keys():
        with transaction() as session:
            rows = watched.load(session, forgotten)
    return reports | _judge_forgotten(scheduler, rows)


def _cancel(scheduler: Scheduler, job: WatchedJob, scheduler_id: str) -> None:
    """Cancel the job in the scheduler; a refusal costs no other job its report."""
    try:
        scheduler.cancel(job.name, scheduler_id)
    except SchedulerUnavailable:
        raise
    except GatewayError as error:
        _log.warning("job %s: not cancelled in this round: %s", job.id, error.detail)


def _judge_forgotten(scheduler: Scheduler, rows: list[Job]) -> dict[str, JobReport]:
    """Return the reports on jobs that the scheduler no longer lists; it recalls all of them in one call."""
    stopped = (row for row in rows if row.cancel_requested_at and prevent_start(row, cluster_of(row)))
    cancelled = {row.name: _cancelled(row) for row in stopped}
    recalled = scheduler.recall([submitted_job(row) for row in rows if row.name not in cancelled])
    judged = {row.name: _judge(row, recalled[row.name]) for row in rows if row.name in recalled}
    return cancelled | judged


def _judge(row: Job, recalled: JobReport | None) -> JobReport:
    """Return the report on a forgotten job from its recovered one, or from the proof that it has not started.

    A controller that was killed may forget a job that it accepted a moment before. The attempt can start only
    once, so a job without a start may be submitted again. A running job whose folder was removed is lost.
    """
    if row.cancel_requested_at and (recalled is None or recalled.state is JobState.LOST):
        return _cancelled(row)
    if recalled is not None:
        return recalled
    if row.state is JobState.PENDING or open_run(row, cluster_of(row)).control.identity() is not None:
        return JobReport(row.name, "", JobState.RETRYING, reason=UNSTARTED)
    return JobReport(row.name, row.scheduler_id, JobState.LOST, reason=LOST)


def _cancelled(row: Job) -> JobReport:
    return JobReport(row.name, row.scheduler_id, JobState.CANCELLED, reason=CANCELLED)
