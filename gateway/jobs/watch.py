"""Watching a cluster: one call to its scheduler for all jobs, and the reports written to their rows."""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.errors import GatewayError, SchedulerUnavailable
from gateway.jobs import lifecycle as jobs
from gateway.jobs.folders import control_folder
from gateway.jobs.run_folders import prevent_start
from gateway.jobs.spec import submitted_job
from gateway.models import Event, Job
from gateway.schedulers.base import FORGOTTEN, NO_LIMITS, JobReport, Scheduler
from gateway.states import IN_SCHEDULER, JobState, is_final
from gateway.work.failures import record_failure
from gateway.work.transitions import move
from gateway.work.turns import enqueue

_log = logging.getLogger(__name__)

LOST = f"{FORGOTTEN} and it left no exit file: its end is not known"
UNSTARTED = "the scheduler has lost or dropped the job before it started; it is submitted again"
CANCELLED = "cancelled before it started"


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
    """Return reports on all rows from one call to the scheduler, and one for all jobs that it has forgotten.

    A row on which the scheduler cannot report now has no report, and waits for the next poll.
    """
    reports = scheduler.jobs()
    for row in rows:
        report = reports.get(row.name)
        if row.cancel_requested_at and report and not is_final(report.state or row.state):
            _cancel(scheduler, row, report.scheduler_id)
    return reports | _judge_forgotten(scheduler, [row for row in rows if row.name not in reports])


def _cancel(scheduler: Scheduler, row: Job, scheduler_id: str) -> None:
    """Cancel the job in the scheduler; a refusal costs no other job its report."""
    try:
        scheduler.cancel(row.name, scheduler_id)
    except SchedulerUnavailable:
        raise
    except GatewayError as error:
        _log.warning("job %s: not cancelled in this round: %s", row.id, error.detail)


def _judge_forgotten(scheduler: Scheduler, rows: list[Job]) -> dict[str, JobReport]:
    """Return the reports on jobs that the scheduler no longer lists; it recalls all of them in one call."""
    cancelled = {row.name: _cancelled(row) for row in rows if row.cancel_requested_at and prevent_start(row)}
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
    if row.state is JobState.PENDING or Path(control_folder(row)).is_dir():
        return JobReport(row.name, "", JobState.RETRYING, reason=UNSTARTED)
    return JobReport(row.name, row.scheduler_id, JobState.LOST, reason=LOST)


def _cancelled(row: Job) -> JobReport:
    return JobReport(row.name, row.scheduler_id, JobState.CANCELLED, reason=CANCELLED)


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
    started_at = report.started_at or row.started_at
    told = report.state or row.state, report.reason, started_at, report.scheduler_id
    return told != (row.state, row.reason, row.started_at, row.scheduler_id)


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
        row.started_at = None
        row.failures = _count_losses(session, row)
        move(session, row, state, report.reason)
        record_failure(session, row, SchedulerUnavailable(report.reason))
    elif row.state is state:
        row.reason = report.reason
    else:
        move(session, row, state, report.reason)


def _count_losses(session: Session, row: Job) -> int:
    """Count how often the attempt was lost before: a submission that succeeds resets the row's failures.

    A growth is the same move, and no loss.
    """
    lost = Event.from_state.in_(IN_SCHEDULER), Event.to_state == JobState.RETRYING
    own = Event.work_id == row.id, Event.attempt == row.attempt
    return (session.scalar(select(func.count()).where(*own, *lost)) or 0) - row.growths
