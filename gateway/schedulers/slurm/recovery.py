"""Recovery of the report of a job that Slurm has forgotten, from its control folder."""

import signal
from datetime import timedelta
from pathlib import Path

from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.schedulers.attempt_record import Exit, Start, read_exit, read_start
from gateway.schedulers.base import JobReport
from gateway.states import JobState

# Slurm checks time limits about every 30 s and never early, so an end this close to the limit is a time-out.
_LIMIT_TOLERANCE = timedelta(seconds=1)
# Slurm ends the ranks first, so the script may see only that srun was ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM


def recover_report(name: str, folder: Path) -> JobReport | None:
    """Return the report of the attempt, or None when the folder has no start."""
    start = None
    try:
        start = read_start(folder)
        if start is None or start.abandoned:
            return None
        end = read_exit(folder)
    except FilesystemUnavailable:
        raise
    except FilesystemError as error:
        return _report_loss(name, start, f"Slurm no longer knows the job, and {error.detail}")
    if end is None:
        return _report_loss(name, start, _lost_reason(start))
    state, reason = _end_state(end)
    return JobReport(
        name,
        start.scheduler_id,
        state,
        exit_code=end.exit_code,
        reason=reason,
        started_at=end.started_at,
        ended_at=end.ended_at,
    )


def _report_loss(name: str, start: Start | None, reason: str) -> JobReport:
    if start is None:
        return JobReport(name, "", JobState.LOST, reason=reason)
    return JobReport(name, start.scheduler_id, JobState.LOST, reason=reason, started_at=start.started_at)


def _lost_reason(start: Start) -> str:
    return (
        f"Slurm no longer knows the job, and it left no exit file: it started on {start.host}"
        f" at {start.started_at:%Y-%m-%d %H:%M:%S} UTC and was killed, or its node failed; retry it"
    )


def _end_state(end: Exit) -> tuple[JobState, str]:
    if end.signal is None and end.exit_code != _TERMINATED:
        if end.exit_code == 0:
            return JobState.SUCCEEDED, ""
        return JobState.FAILED, f"the job ended with exit code {end.exit_code}"
    limit = end.time_limit_s
    if limit is not None and end.ended_at - end.started_at > timedelta(seconds=limit) - _LIMIT_TOLERANCE:
        return JobState.TIMEOUT, f"the job ran into its time limit of {limit} s"
    return JobState.CANCELLED, "the job was cancelled on the cluster"
