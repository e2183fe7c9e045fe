"""Reports from Slurm's job records: one table translates its states, and no state is guessed."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gateway.errors import FilesystemError
from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit, Start, read_exit, read_start
from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm.pending import pending_reason, waits_for_nodes
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, count_free_nodes
from gateway.states import JobState

_log = logging.getLogger(__name__)

# All of Slurm's job states and job state flags, by the word that Slurm prints.
STATES: dict[str, JobState] = {
    "PENDING": JobState.PENDING,
    "CONFIGURING": JobState.PENDING,
    "POWER_UP_NODE": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "SPECIAL_EXIT": JobState.PENDING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "RUNNING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "EXPEDITING": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "UPDATE_DB": JobState.RUNNING,
    "COMPLETED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "PREEMPTED": JobState.FAILED,
    "REVOKED": JobState.FAILED,
    "RECONFIG_FAIL": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "LAUNCH_FAILED": JobState.NODE_FAILURE,
}

# The reasons for states that need an explanation.
_STATE_REASONS = {
    "CONFIGURING": "Slurm has found nodes for the job and is making them ready",
    "POWER_UP_NODE": "Slurm is switching on the nodes for the job",
    "REQUEUED": "Slurm has put the job back into the queue",
    "REQUEUE_HOLD": "an operator of the cluster has put the job back into the queue and holds it there",
    "SPECIAL_EXIT": "an operator of the cluster has put the job back into the queue and holds it there",
    "STOPPED": "an operator of the cluster has stopped the job for now",
    "SUSPENDED": "the job is suspended for now, by an operator or for a job of higher priority",
    "PREEMPTED": "the job was ended to make room for a job of higher priority; retry it",
    "REVOKED": "the job was taken over by another cluster of the federation",
    "RECONFIG_FAIL": "a node could not be configured for the job; tell the cluster's operators",
    "CANCELLED": "the job was cancelled on the cluster",
    "TIMEOUT": "the job ran into its time limit; ask for more with resources.time_limit_s",
    "DEADLINE": "the job could not end before its deadline",
    "OUT_OF_MEMORY": "the job needed more memory than it had asked for; ask for more with"
    " resources.memory_bytes, or use more ranks",
    "NODE_FAIL": "a node of the job failed while it ran; retry the job",
    "BOOT_FAIL": "a node of the job failed to start; retry the job",
    "LAUNCH_FAILED": "the job could not be started on its node; retry it, or tell the cluster's operators",
}


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
    start = _readable_start(copies[0].folder)
    if start is None:
        return min(copies, key=lambda job: job.id)
    return next((job for job in copies if str(job.id) == start.scheduler_id), None)


def _readable_start(folder: Path) -> Start | None:
    """Return the start of the attempt; a file that is no start tells nothing."""
    try:
        return read_start(folder)
    except FilesystemError as error:
        _log.warning("%s: %s", folder.name, error.detail)
        return None


def duplicate_jobs(jobs: Iterable[SlurmJob], user_id: int) -> list[SlurmJob]:
    """Return the pending copies of attempts that another job has started: they would exit at once."""
    return [
        job
        for copies in _group_by_name(jobs, user_id)
        if len(copies) > 1 and (start := _readable_start(copies[0].folder)) is not None
        for job in copies
        if str(job.id) != start.scheduler_id and STATES.get(job.state) is JobState.PENDING
    ]


def translate_job(job: SlurmJob, ahead: int, now: datetime, free_nodes: int = 0) -> JobReport:
    """Translate one job; `ahead` pending jobs come before it, `free_nodes` can take its share."""
    state = STATES.get(job.state)
    if state is None:
        _log.warning("job %d (%s): Slurm's state %r is not in the table", job.id, job.name, job.state)
    waiting = state is JobState.PENDING
    ended = state not in {JobState.PENDING, JobState.RUNNING, None}
    return JobReport(
        job.name,
        str(job.id),
        state,
        exit_code=_exit_code(job) if ended else None,
        reason=pending_reason(job, ahead, free_nodes, now) if job.state == "PENDING" else _reason(job, state),
        started_at=None if waiting else job.start_at,
        ended_at=job.end_at if ended else None,
        limits=job.limits,
    )


def _exit_code(job: SlurmJob) -> int | None:
    """Return the exit code as a shell does: 128 plus the signal's number for a death by signal.

    The folder's exit code comes first, because Slurm's interface cannot tell 143 from signal 15.
    """
    end = None if job.state == "COMPLETED" else _readable_exit(job)
    if end is not None:
        return end.exit_code
    if job.signal:
        return 128 + job.signal
    if job.exit_code == 0 and job.state != "COMPLETED":
        return None
    return job.exit_code


def _readable_exit(job: SlurmJob) -> Exit | None:
    """Return the end of the attempt; a file that is no end tells nothing."""
    try:
        return _read_exit_once(job.id, job.folder)
    except FilesystemError as error:
        _log.warning("%s: %s", job.name, error.detail)
        return None


@lru_cache(maxsize=4096)  # Slurm lists an ended job for minutes, in every response
def _read_exit_once(_job_id: int, folder: Path) -> Exit | None:
    return read_exit(folder)


def _reason(job: SlurmJob, state: JobState | None) -> str:
    if state is None:
        return f"Slurm says {job.state!r} ({job.reason}), which this gateway does not know"
    if job.state in _STATE_REASONS:
        return _STATE_REASONS[job.state]
    if state is not JobState.FAILED:
        return ""
    if job.signal:
        return f"the job was killed by signal {job.signal}"
    if job.exit_code == batch_script.NO_FOLDER and _readable_exit(job) is None:
        return "the job could not write to its folder on the node; the filesystem may be full"
    return f"the job ended with exit code {_exit_code(job)}" + _detail(job)


def _detail(job: SlurmJob) -> str:
    return "" if job.reason in {"", "None", "NonZeroExitCode"} else f" (Slurm: {job.reason})"
