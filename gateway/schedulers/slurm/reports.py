"""Reports from Slurm's job records: one table translates its states, and no state is guessed."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm.ends import exit_code, readable_start, told_by_record
from gateway.schedulers.slurm.pending import pending_reason, waits_for_nodes
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, count_free_nodes
from gateway.schedulers.slurm.recovery import report_beyond_record
from gateway.schedulers.slurm.states import STATE_REASONS, STATES
from gateway.states import JobState

_log = logging.getLogger(__name__)


def translate_jobs(
    jobs: Iterable[SlurmJob], user_id: int, now: datetime, nodes: Iterable[SlurmNode] = ()
) -> dict[str, JobReport]:
    """Return one report per name of this user's jobs; other users' jobs count as jobs ahead.

    A late copy of a job, which runs nothing, is left out. Only jobs that wait for nodes need the nodes.
    """
    every_job, every_node = list(jobs), list(nodes)
    ahead = _count_ahead(every_job)
    effective = (_effective_copy(copies) for copies in _group_by_name(every_job, user_id))
    return {
        job.name: translate_job(job, ahead.get(job.id, 0), now, count_free_nodes(job, every_node))
        for job in effective
        if job is not None
    }


def _group_by_name(jobs: Iterable[SlurmJob], user_id: int) -> Iterable[list[SlurmJob]]:
    by_name: dict[str, list[SlurmJob]] = {}
    for job in jobs:
        if job.user_id == user_id:
            by_name.setdefault(job.name, []).append(job)
    return by_name.values()


def any_waits_for_nodes(jobs: Iterable[SlurmJob], user_id: int) -> bool:
    """Tell whether a report needs the nodes, because loading them costs a call."""
    return any(waits_for_nodes(job) for job in jobs if job.user_id == user_id)


def _count_ahead(jobs: list[SlurmJob]) -> dict[int, int]:
    """Count for each pending job the jobs that Slurm considers before it in its first partition."""
    waiting = sorted((job for job in jobs if job.state == "PENDING"), key=lambda j: (-j.priority, j.id))
    counts: Counter[str] = Counter()
    ahead: dict[int, int] = {}
    for job in waiting:
        partitions = job.partition.split(",")
        ahead[job.id] = counts[partitions[0]]
        counts.update(partitions)
    return ahead


def _effective_copy(copies: list[SlurmJob]) -> SlurmJob | None:
    """Return the copy that runs or will run the attempt, or None when only copies that exited are left."""
    if len(copies) == 1 and copies[0].exit_code != batch_script.ALREADY_STARTED:
        return copies[0]
    start = readable_start(copies[0].folder)
    if start is None:
        return min(copies, key=lambda job: job.id)
    return next((job for job in copies if str(job.id) == start.scheduler_id), None)


def duplicate_jobs(jobs: Iterable[SlurmJob], user_id: int) -> list[SlurmJob]:
    """Return the pending copies of attempts that another job has started: they would exit at once."""
    return [
        job
        for copies in _group_by_name(jobs, user_id)
        if len(copies) > 1 and (start := readable_start(copies[0].folder)) is not None
        for job in copies
        if str(job.id) != start.scheduler_id and STATES.get(job.state) is JobState.PENDING
    ]


def translate_job(job: SlurmJob, ahead: int, now: datetime, free_nodes: int = 0) -> JobReport:
    """Translate one job; `ahead` pending jobs come before it, `free_nodes` can take its share."""
    state = STATES.get(job.state)
    if state is None:
        _log.warning("job %d (%s): Slurm's state %r is not in the table", job.id, job.name, job.state)
        reason = f"Slurm says {job.state!r} ({job.reason}), which this gateway does not know"
        return _unfinished(job, None, reason)
    if state not in {JobState.PENDING, JobState.RUNNING}:
        return _end(job, state)
    known = report_beyond_record(job, requeued=state is JobState.PENDING and job.restarts > 0)
    if known is not None:
        return known
    if job.state == "PENDING":
        return _unfinished(job, state, pending_reason(job, ahead, free_nodes, now))
    return _unfinished(job, state, STATE_REASONS.get(job.state, ""))


def _unfinished(job: SlurmJob, state: JobState | None, reason: str) -> JobReport:
    started_at = None if state is JobState.PENDING else job.start_at
    return JobReport(job.name, str(job.id), state, reason=reason, started_at=started_at)


def _end(job: SlurmJob, state: JobState) -> JobReport:
    told = told_by_record(job, state)
    return JobReport(
        job.name,
        str(job.id),
        told.state,
        exit_code=exit_code(job),
        reason=told.reason,
        started_at=job.start_at,
        ended_at=job.end_at,
        limits=job.limits,
    )
