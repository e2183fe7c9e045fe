"""Reports on members, written to their rows; their job is updated in the same transaction.

The job runs when a member runs. When the scheduler has no member any more, the job ends, or is submitted
again for the members that it lost or has not taken yet.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.errors import SchedulerUnavailable
from gateway.jobs.member_submissions import update_members
from gateway.jobs.watched_sweeps import WatchedMember, WatchedSweep
from gateway.models import Event, Job, JobMember
from gateway.schedulers.base import NO_LIMITS, JobReport
from gateway.states import BEFORE_SCHEDULER, IN_SCHEDULER, JobState, is_final
from gateway.work.claims import release_claim
from gateway.work.failures import record_failure
from gateway.work.transitions import move
from gateway.work.turns import enqueue, line_up, send_next

MemberReports = dict[int, JobReport]
_LOST = "the scheduler has lost all members that had not ended; they are submitted again"


def record_members(session: Session, sweep: WatchedSweep, changes: Mapping[int, JobReport]) -> bool:
    """Write the reports, and the state of the job that follows; False when the job is not ours to write."""
    locked = select(Job).where(Job.id == sweep.id, Job.claim == sweep.claim, Job.is_watched())
    job = session.scalar(locked.with_for_update(skip_locked=True))
    if job is None:
        return False
    ends = {number: report for number, report in changes.items() if is_final(report.state or job.state)}
    lost = {number: report for number, report in changes.items() if report.state is JobState.RETRYING}
    live = {number: report for number, report in changes.items() if number not in ends | lost}
    update_members(session, job.id, {n: _live_values(sweep.members[n], r) for n, r in live.items()})
    update_members(session, job.id, {n: _end_values(sweep.members[n], r) for n, r in ends.items()})
    update_members(session, job.id, {n: _lost_values(r) for n, r in lost.items()})
    sweep.has_ended |= bool(ends)
    _follow(session, job, has_ended=sweep.has_ended)
    return True


def _live_values(member: WatchedMember, report: JobReport) -> dict[str, object]:
    return {
        "state": report.state or member.state,
        "reason": report.reason,
        "scheduler_id": report.scheduler_id,
        "started_at": report.started_at or member.started_at,
    }


def _end_values(member: WatchedMember, report: JobReport) -> dict[str, object]:
    found = asdict(report)
    finding = {key: found[key] for key in ("state", "exit_code", "reason")}
    if report.limits != NO_LIMITS:
        finding["limits"] = found["limits"]
    own = {"finding": finding, "exit_code": report.exit_code, "ended_at": report.ended_at or utc_now()}
    return _live_values(member, report) | own


def _lost_values(report: JobReport) -> dict[str, object]:
    return {"state": JobState.RETRYING, "reason": report.reason, "scheduler_id": "", "started_at": None}


def _follow(session: Session, job: Job, *, has_ended: bool) -> None:
    """Write the state of the job that follows from those of its members."""
    states = _count_states(session, job)
    in_scheduler = sum(states[state] for state in IN_SCHEDULER)
    waiting = sum(states[state] for state in BEFORE_SCHEDULER)
    job.members_left = in_scheduler + waiting
    if in_scheduler:
        if job.state is JobState.PENDING and (states[JobState.RUNNING] or has_ended):
            move(session, job, JobState.RUNNING)
            job.started_at = session.scalar(
                select(func.min(JobMember.started_at)).where(JobMember.job_id == job.id)
            )
        job.reason = _progress(job, states[JobState.RUNNING], waiting)
        job.updated_at = utc_now()
    elif waiting and job.cancel_requested_at is None:
        _submit_again(session, job, waiting, has_ended=has_ended)
    else:
        job.finding = {"state": JobState.SUCCEEDED, "exit_code": None, "reason": ""}
        job.sends = 0
        line_up(job)
        session.flush()
        send_next(session, Job, job.infrastructure, job.owner)


def _count_states(session: Session, job: Job) -> Counter[JobState]:
    counts = select(JobMember.state, func.count()).where(JobMember.job_id == job.id)
    found = session.execute(counts.group_by(JobMember.state)).all()
    return Counter({row.state: int(row[1]) for row in found})


def _progress(job: Job, running: int, waiting: int) -> str:
    ended = job.member_count - job.members_left
    if not running and not ended:
        return ""
    later = f", {waiting:,} are submitted when these have ended" if waiting else ""
    return f"{ended:,} of {job.member_count:,} members have ended and {running:,} run{later}"


def _submit_again(session: Session, job: Job, waiting: int, *, has_ended: bool) -> None:
    """Send the job back for its members that are not in the scheduler; without any end that is a loss."""
    if has_ended:
        move(session, job, JobState.RETRYING, f"{waiting:,} members are submitted now")
        release_claim(job)
        enqueue(session, job)
        return
    job.started_at = None
    job.failures = _count_losses(session, job)
    move(session, job, JobState.RETRYING, _LOST)
    record_failure(session, job, SchedulerUnavailable(_LOST))


def _count_losses(session: Session, job: Job) -> int:
    """Count how often the attempt has lost all its members; members that waited for room are no loss."""
    lost = Event.work_id == job.id, Event.attempt == job.attempt, Event.reason == _LOST
    return session.scalar(select(func.count()).where(*lost, Event.to_state == JobState.RETRYING)) or 0
