"""Reports of a scheduler, written to the rows of watched jobs: many rows in a few statements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.errors import SchedulerUnavailable
from gateway.jobs.watched_rows import WatchedJob
from gateway.models import Event, Heartbeat, Job
from gateway.schedulers.base import NO_LIMITS, JobReport
from gateway.states import IN_SCHEDULER, JobState
from gateway.work.failures import record_failure
from gateway.work.transitions import move, move_many
from gateway.work.turns import line_up, send_next

Change = tuple[WatchedJob, JobReport]


def record_reports(session: Session, changes: Sequence[Change], now: datetime) -> list[Change]:
    """Write the reports to their rows, and send the jobs that have ended; return the written ones.

    A row that a second watcher or a retry has changed first stays as it is, and so does a locked one.
    """
    locked = _lock(session, [job for job, _ in changes])
    ours = [(job, report) for job, report in changes if job.name in locked]
    _write_live(session, [(job, report) for job, report in ours if is_live(report)])
    _write_ends(session, {job.id: report for job, report in ours if not is_live(report)}, now)
    return ours


def is_live(report: JobReport) -> bool:
    """Tell whether the job is in the scheduler still."""
    return report.state is None or report.state in IN_SCHEDULER


def _lock(session: Session, jobs: Sequence[WatchedJob]) -> set[str]:
    """Lock the rows; return the names of those that are watched still and that no other transaction holds."""
    chosen = Job.id.in_([job.id for job in jobs]), Job.is_watched()
    found = session.execute(select(Job.id, Job.run).where(*chosen).with_for_update(skip_locked=True))
    return {f"{row_id}.{run}" for row_id, run in found}


def _write_live(session: Session, changes: Sequence[Change]) -> None:
    moved: dict[tuple[JobState, str], list[UUID]] = defaultdict(list)
    for job, report in changes:
        if report.state is not None and report.state is not job.state:
            moved[report.state, report.reason].append(job.id)
    for (state, reason), ids in moved.items():
        move_many(session, Job, Job.id.in_(ids), state, reason=reason)
    if not changes:
        return
    told = ("reason", "scheduler_id", "started_at", "updated_at")
    statement = update(Job).where(Job.id == bindparam("row_id"))
    session.connection().execute(
        statement.values({name: bindparam(f"new_{name}") for name in told}),
        [
            {
                "row_id": job.id,
                "new_reason": report.reason,
                "new_scheduler_id": report.scheduler_id,
                "new_started_at": report.started_at or job.started_at,
                "new_updated_at": utc_now(),
            }
            for job, report in changes
        ],
    )


def _write_ends(session: Session, reports: Mapping[UUID, JobReport], now: datetime) -> None:
    """Write the findings of ended jobs and publish them in their owners' turns; send lost ones back."""
    rows = session.scalars(select(Job).where(Job.id.in_(reports))).all() if reports else []
    owners: dict[tuple[str, str], None] = {}
    for row in rows:
        report = reports[row.id]
        row.started_at, row.scheduler_id = report.started_at or row.started_at, report.scheduler_id
        row.heard_until = now
        if report.state is JobState.RETRYING:
            row.started_at = None
            row.failures = count_losses(session, row)
            move(session, row, report.state, report.reason)
            record_failure(session, row, SchedulerUnavailable(report.reason))
        else:
            row.finding = _finding(report)
            row.sends = 0
            line_up(row)
            owners[row.infrastructure, row.owner] = None
    session.flush()
    for infrastructure, owner in owners:
        send_next(session, Job, infrastructure, owner)


def _finding(report: JobReport) -> dict[str, object]:
    found = asdict(report)
    finding = {key: found[key] for key in ("state", "exit_code", "reason")}
    return finding if report.limits == NO_LIMITS else finding | {"limits": found["limits"]}


def count_losses(session: Session, row: Job) -> int:
    """Count how often the attempt was lost before: a submission that succeeds resets the row's failures.

    A growth is the same move, and no loss.
    """
    lost = Event.from_state.in_(IN_SCHEDULER), Event.to_state == JobState.RETRYING
    own = Event.work_id == row.id, Event.attempt == row.attempt
    return (session.scalar(select(func.count()).where(*own, *lost)) or 0) - row.growths


def record_look(session: Session, infrastructure: str, now: datetime) -> None:
    """Record that the scheduler has reported on the watched jobs of the cluster."""
    heard = update(Heartbeat).where(Heartbeat.infrastructure == infrastructure).values(watched_at=now)
    session.execute(heard.execution_options(synchronize_session=False))


def record_silence(session: Session, ids: Sequence[UUID], heard_until: datetime | None) -> None:
    """Record until when the scheduler was heard of jobs on which it gives no report now; None ends that."""
    changed = update(Job).where(Job.id.in_(ids), Job.is_watched()).values(heard_until=heard_until)
    session.execute(changed.execution_options(synchronize_session=False))
