"""The choice between Slurm's records of one job: the control folder proves which copy has started, if any."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from gateway.errors import FilesystemError
from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit, Start, read_exit, read_start
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.states import has_ended

Record = TypeVar("Record", Start, Exit)
_log = logging.getLogger(__name__)

# slurmd refuses a launch within Slurm's usual MessageTimeout; a job with nodes for longer was in its prolog.
_LONGEST_REFUSAL = timedelta(seconds=10)
# A slurmctld that was killed gives the ids of its last seconds again, until its nodes have ended their jobs.
_AFTER_RESTART = timedelta(minutes=10)
_CODES_OF_REFUSAL = (1, 0)  # exit code and signal with which slurmctld ends a job that it cannot launch
# A look reads the files of all ended jobs that Slurm still lists: a smaller cache would keep none of them.
LISTED_ENDS = 1 << 17
CLOCKS = timedelta(seconds=1)  # those of node and controller differ by less; Slurm's times are whole seconds


def choose_record(copies: list[SlurmJob]) -> SlurmJob | None:
    """Return the record that tells of the run, or None when each record is of a launch that ran nothing."""
    if len(copies) == 1 and (copies[0].state == "COMPLETED" or not has_ended(copies[0].state)):
        return copies[0]
    start = find_start(copies[0])
    if start is None:
        startable = [job for job in copies if not (has_ended(job.state) and _was_refused(job))]
        return min(startable, key=lambda job: (has_ended(job.state), job.id), default=None)
    own = next((job for job in copies if job.scheduler_id == start.scheduler_id), None)
    return None if own is None or (has_ended(own.state) and _is_later_launch(own, start)) else own


def _was_refused(job: SlurmJob) -> bool:
    """Tell whether Slurm gave the job nodes, and a node refused to launch it.

    A restarted slurmctld may give the id of a job that it lost to another one. slurmd refuses the second job
    of an id that it has, or had a moment ago, and slurmctld cancels or fails it. A job that a person cancels
    in the queue has no nodes; one cancelled after it got nodes is told by a slurmctld that was not
    restarted lately.
    """
    if not was_cut_short(job):
        return (
            job.state == "FAILED" and _is_short(job) and (job.exit_code, job.signal or 0) == _CODES_OF_REFUSAL
        )
    since = job.controller_since
    return since is None or job.start_at is None or job.start_at - since <= _AFTER_RESTART


def was_cut_short(job: SlurmJob) -> bool:
    """Tell whether the job was cancelled so soon after it got nodes that its script may not have started."""
    return job.state == "CANCELLED" and _is_short(job)


def _is_short(job: SlurmJob) -> bool:
    if not job.is_allocated or job.start_at is None or job.end_at is None:
        return False
    return job.end_at - job.start_at <= _LONGEST_REFUSAL


def _is_later_launch(job: SlurmJob, start: Start) -> bool:
    """Tell whether the record is of another launch than the one that started.

    A restarted slurmctld may remember a job as waiting that had started before it was killed: it ends that
    run and launches the job again under its id. Where the run has left its end, it also has to be longer
    than the launch; that alone proves nothing, as the script of a cancelled job runs on for at most
    KillWait. A run that no signal has ended, and that had ended before the launch, is not the one that Slurm
    cancelled. A job that an operator put back into the queue is not one of them.
    """
    end = find_exit(job)
    if job.exit_code == batch_script.ALREADY_STARTED and not job.restarts:
        return end is None or end.exit_code != batch_script.ALREADY_STARTED
    if not _was_refused(job) or job.start_at is None or job.end_at is None:
        return False
    if end is not None:
        if end.signal is None and job.start_at > end.ended_at + CLOCKS:
            return True
        outlasted = end.ended_at - end.started_at > job.end_at - job.start_at + CLOCKS
        return outlasted and job.start_at > start.started_at
    return job.start_at > start.started_at + CLOCKS


def find_start(job: SlurmJob) -> Start | None:
    """Return the start of the run; a file that is no start tells nothing."""
    return _find(_read_start_once, job)


def find_exit(job: SlurmJob) -> Exit | None:
    """Return the end of the run; a file that is no end tells nothing."""
    return _find(_read_exit_once, job)


def _find(read: Callable[[int, Path], Record], job: SlurmJob) -> Record | None:
    try:
        return read(job.id, job.folder)
    except FilesystemError as error:
        _log.warning("%s: %s", job.name, error.detail)
    except LookupError:
        pass
    return None


# Slurm lists an ended job for minutes, in every response. No exception is kept: a missing file may appear.
@lru_cache(maxsize=LISTED_ENDS)
def _read_start_once(_job_id: int, folder: Path) -> Start:
    return _required(read_start(folder))


@lru_cache(maxsize=LISTED_ENDS)
def _read_exit_once(_job_id: int, folder: Path) -> Exit:
    return _required(read_exit(folder))


def _required(record: Record | None) -> Record:
    if record is None:
        raise LookupError
    return record
