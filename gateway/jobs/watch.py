"""Watching a cluster: one call to its scheduler for all jobs, and the reports written to their rows."""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.errors import FilesystemError, GatewayError, SchedulerUnavailable
from gateway.jobs import lifecycle as jobs
from gateway.jobs.folders import control_folder
from gateway.models import Job
from gateway.schedulers.base import NO_LIMITS, JobReport, Scheduler
from gateway.states import IN_SCHEDULER, JobState, is_final
from gateway.work.failures import record_failure
from gateway.work.transitions import move
from gateway.work.turns import enqueue

_log = logging.getLogger(__name__)

FORGOTTEN = "the scheduler no longer knows the job"
LOST = f"{FORGOTTEN} and it left no exit file: its end is not known"

UNSTARTED = "the scheduler has lost the job before it started; it is submitted again"


@dataclass(frozen=True)
class WatchSummary:
    """The watched jobs of a cluster: their number, the shortest period, and the newest change."""

    count: int
    shortest_period_s: float
    newest: datetime | None


def summarize_watch(session: Session, infrastructure: str) -> WatchSummary:
    """Summarise a cluster's jobs in one cheap query."""
    count, period, submitted, cancelled = session.execute(
        select(
            func.count(Job.id),
            func.min(Job.watch_period),
            func.max(Job.submitted_at),
            func.max(Job.cancel_requested_at),
        ).where(Job.infrastructure == infrastructure, Job.state.in_(IN_SCHEDULER), Job.finding.is_(None))
    ).one()
    return WatchSummary(
        count, period or jobs.WATCH_PERIOD_S, max(filter(None, (submitted, cancelled)), default=None)
    )


def poll_scheduler(scheduler: Scheduler, rows: list[Job]) -> dict[str, JobReport]:
    """Return reports on all rows from one call to the scheduler, and one call for each job it has forgotten.

    A row on which the scheduler cannot report now has no report, and waits for the next poll.
    """
    reports = scheduler.jobs()
    for row in rows:
        if row.cancel_requested_at and not is_final(_reported_state(reports, row)):
            _cancel(scheduler, row)
        if row.name not in reports:
            try:
                reports[row.name] = _recall(scheduler, row)
            except GatewayError as error:
                _log.warning("job %s: no report in this round: %s", row.id, error.detail)
    return reports


def _cancel(scheduler: Scheduler, row: Job) -> None:
    """Cancel the job in the scheduler; a refusal costs no other job its report."""
    try:
        scheduler.cancel(row.scheduler_id)
    except SchedulerUnavailable:
        raise
    except GatewayError as error:
        _log.warning("job %s: not cancelled in this round: %s", row.id, error.detail)


def _recall(scheduler: Scheduler, row: Job) -> JobReport:
    """Return the report on a job that the scheduler no longer knows.

    A pending job that has left no trace has never run: a controller that was killed may forget a job that
    it accepted a moment before. The attempt can start only once, so it may be submitted again.
    """
    try:
        found = scheduler.recall(row.name, Path(control_folder(row)))
    except FilesystemError as error:
        if error.transient:
            raise
        return JobReport(row.name, row.scheduler_id, JobState.LOST, reason=f"{FORGOTTEN}, and {error.detail}")
    if found is not None:
        return found
    if row.cancel_requested_at:
        return JobReport(row.name, row.scheduler_id, JobState.CANCELLED, reason="cancelled before it started")
    if row.state is JobState.PENDING:
        return JobReport(row.name, "", JobState.RETRYING, reason=UNSTARTED)
    return JobReport(row.name, row.scheduler_id, JobState.LOST, reason=LOST)


def _reported_state(reports: dict[str, JobReport], row: Job) -> JobState:
    return reports[row.name].state or row.state if row.name in reports else JobState.LOST


def record_reports(session: Session, rows: list[Job], reports: dict[str, JobReport]) -> bool:
    """Write the changes, send the jobs that have ended, and return whether there was a change."""
    changed = [row for row in rows if row.name in reports and _is_changed(row, reports[row.name])]
    for seen in changed:
        row = session.get_one(Job, seen.id, with_for_update=True)
        if row.name != seen.name or row.state not in IN_SCHEDULER or row.finding:
            continue  # a second watcher or a retry changed it first
        _apply_report(session, row, reports[seen.name])
        if row.finding:
            enqueue(session, row)
    return bool(changed)


def _is_changed(row: Job, report: JobReport) -> bool:
    told = report.state or row.state, report.reason, report.started_at or row.started_at
    return told != (row.state, row.reason, row.started_at)


def _apply_report(session: Session, row: Job, report: JobReport) -> None:
    row.started_at = report.started_at or row.started_at
    row.scheduler_id = report.scheduler_id
    state = report.state or row.state
    if is_final(state):
        found = asdict(report)
        row.finding = {key: found[key] for key in ("state", "exit_code", "reason")}
        if report.limits != NO_LIMITS:
            row.finding["limits"] = found["limits"]
    elif state is JobState.RETRYING:
        move(session, row, state, report.reason)
        record_failure(session, row, SchedulerUnavailable(report.reason))
    elif row.state is state:
        row.reason = report.reason
    else:
        move(session, row, state, report.reason)
