"""Reports from Slurm's job records: one table translates its states, and no state is guessed."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm.copies import choose_record, find_exit, find_start
from gateway.schedulers.slurm.pending import pending_reason, waits_for_nodes
from gateway.schedulers.slurm.queue_snapshot import Positions, QueueSnapshot
from gateway.schedulers.slurm.records import SlurmJob
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

    effective = (choose_record(copies, _has_ended) for copies in _group_by_name(every_job, user_id))
    return {job.name: translate(job) for job in effective if job is not None}


def _group_by_name(jobs: Iterable[SlurmJob], user_id: int) -> Iterable[list[SlurmJob]]:
    by_name: dict[str, list[SlurmJob]] = {}
    for job in jobs:
        if job.user_id == user_id:
            by_name.setdefault(job.name, []).append(job)
    return by_name.values()


def _has_ended(job: SlurmJob) -> bool:
    return STATES.get(job.state) not in {JobState.PENDING, JobState.RUNNING, None}


def duplicate_jobs(jobs: Iterable[SlurmJob], user_id: int) -> list[SlurmJob]:
    """Return the pending copies of attempts that another job has started: they would exit at once."""
    return [
        job
        for copies in _group_by_name(jobs, user_id)
        if len(copies) > 1 and (start := find_start(copies[0])) is not None
        for job in copies
        if str(job.id) != start.scheduler_id and STATES.get(job.state) is JobState.PENDING
    ]


def translate_job(job: SlurmJob, ahead: int, now: datetime, free_nodes: int = 0) -> JobReport:
    """Translate one job; `ahead` pending jobs come before it, `free_nodes` can take its share."""
    job = _correct_state(job)
    state = STATES.get(job.state)
    if state is None:
        _log.warning("job %d (%s): Slurm's state %r is not in the table", job.id, job.name, job.state)
    waiting = state is JobState.PENDING
    ended = _has_ended(job)
    return JobReport(
        job.name,
        str(job.id),
        state,
        exit_code=_exit_code(job) if ended else None,
        reason=pending_reason(job, ahead, free_nodes, now) if job.state == "PENDING" else _reason(job, state),
        started_at=None if waiting else job.start_at,
        ended_at=job.end_at if ended else None,
    )


def _correct_state(job: SlurmJob) -> SlurmJob:
    """Return the record with the state of a run that has ended well, for Slurm may have lost that end."""
    end = find_exit(job) if job.state in _AFTER_A_LOST_END else None
    if end is None or end.exit_code != 0 or end.signal is not None:
        return job
    return replace(job, state="COMPLETED", reason="", exit_code=0, signal=0)


def _exit_code(job: SlurmJob) -> int | None:
    """Return the exit code as a shell does: 128 plus the signal's number for a death by signal.

    The folder's exit code comes first, because Slurm's interface cannot tell 143 from signal 15.
    """
    end = None if job.state == "COMPLETED" else find_exit(job)
    if end is not None:
        return end.exit_code
    if job.signal:
        return 128 + job.signal
    if job.exit_code == 0 and job.state != "COMPLETED":
        return None
    return job.exit_code


def _reason(job: SlurmJob, state: JobState | None) -> str:
    if state is None:
        return f"Slurm says {job.state!r} ({job.reason}), which this gateway does not know"
    if job.state in _STATE_REASONS:
        return _STATE_REASONS[job.state]
    if state is not JobState.FAILED:
        return ""
    if job.signal:
        return f"the job was killed by signal {job.signal}"
    if job.exit_code == batch_script.NO_FOLDER and find_exit(job) is None:
        return "the job could not write to its folder on the node; the filesystem may be full"
    return f"the job ended with exit code {_exit_code(job)}" + _detail(job)


def _detail(job: SlurmJob) -> str:
    return "" if job.reason in {"", "None", "NonZeroExitCode"} else f" (Slurm: {job.reason})"
