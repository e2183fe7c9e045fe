"""Reports from Slurm's job records: one table translates its states, and no state is guessed."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm.copies import choose_record, find_exit, find_start
from gateway.schedulers.slurm.ends import exit_code, told_by_record
from gateway.schedulers.slurm.pending import pending_reason, waits_for_nodes
from gateway.schedulers.slurm.queue_snapshot import Positions, QueueSnapshot
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.recovery import report_beyond_record
from gateway.schedulers.slurm.states import STATE_REASONS, STATES, has_ended
from gateway.states import JobState

_log = logging.getLogger(__name__)

# The states in which a restarted slurmctld leaves a job whose end it did not receive.
_AFTER_A_LOST_END = frozenset({"FAILED", "CANCELLED", "NODE_FAIL"})


def translate_jobs(
    jobs: Iterable[SlurmJob], user_id: int, now: datetime, queue: QueueSnapshot | None = None
) -> dict[str, JobReport]:
    """Return one report per name of this user's jobs; other users' jobs count as jobs ahead.

    A job of which each record is of a launch that ran nothing is left out.
    """
    every_job, queue = list(jobs), queue or QueueSnapshot()
    listed = Positions(every_job)

    def translate(job: SlurmJob) -> JobReport:
        ahead = listed.count_ahead(job) + queue.others.count_ahead(job) if job.state == "PENDING" else 0
        return translate_job(job, ahead, now, queue.room.count_free_nodes(job) if waits_for_nodes(job) else 0)

    effective = (choose_record(copies) for copies in _group_by_name(every_job, user_id))
    return {job.name: translate(job) for job in effective if job is not None}


def _group_by_name(jobs: Iterable[SlurmJob], user_id: int) -> Iterable[list[SlurmJob]]:
    by_name: dict[str, list[SlurmJob]] = {}
    for job in jobs:
        if job.user_id == user_id:
            by_name.setdefault(job.name, []).append(job)
    return by_name.values()


def duplicate_jobs(jobs: Iterable[SlurmJob], user_id: int) -> list[SlurmJob]:
    """Return the pending copies of attempts that another job has started: they would exit at once.

    Those of members are left to exit, since a cancel is of an array as a whole.
    """
    return [
        job
        for copies in _group_by_name(jobs, user_id)
        if len(copies) > 1 and copies[0].array_id is None and (start := find_start(copies[0])) is not None
        for job in copies
        if job.scheduler_id != start.scheduler_id and STATES.get(job.state) is JobState.PENDING
    ]


def translate_job(job: SlurmJob, ahead: int, now: datetime, free_nodes: int = 0) -> JobReport:
    """Translate one job; `ahead` pending jobs come before it, `free_nodes` can take its share."""
    job = _correct_state(job)
    state = STATES.get(job.state)
    if state is None:
        _log.warning("job %d (%s): Slurm's state %r is not in the table", job.id, job.name, job.state)
        reason = f"Slurm says {job.state!r} ({job.reason}), which this gateway does not know"
        return _unfinished(job, None, reason)
    if has_ended(job.state):
        return _end(job, state)
    known = report_beyond_record(job, requeued=state is JobState.PENDING and job.restarts > 0)
    if known is not None:
        return known
    if job.state == "PENDING":
        return _unfinished(job, state, pending_reason(job, ahead, free_nodes, now))
    return _unfinished(job, state, STATE_REASONS.get(job.state, ""))


def _unfinished(job: SlurmJob, state: JobState | None, reason: str) -> JobReport:
    started_at = None if state is JobState.PENDING else job.start_at
    return JobReport(job.name, job.scheduler_id, state, reason=reason, started_at=started_at)


def _end(job: SlurmJob, state: JobState) -> JobReport:
    told = told_by_record(job, state)
    return JobReport(
        job.name,
        job.scheduler_id,
        told.state,
        exit_code=exit_code(job),
        reason=told.reason,
        started_at=job.start_at,
        ended_at=job.end_at,
        limits=job.limits,
    )


def _correct_state(job: SlurmJob) -> SlurmJob:
    """Return the record with the state of a run that has ended well, for Slurm may have lost that end."""
    end = find_exit(job) if job.state in _AFTER_A_LOST_END else None
    if end is None or end.exit_code != 0 or end.signal is not None:
        return job
    return replace(job, state="COMPLETED", reason="", exit_code=0, signal=0)
