"""What the attempt's folder says of a job that Slurm has forgotten."""

import signal
from datetime import timedelta
from pathlib import Path

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport
from gateway.states import JobState

# Slurm looks for jobs that are out of time every 30 s or so, and the script needs a moment to end.
_EARLY = timedelta(seconds=1)
# Slurm ends the ranks first, so that the script may see only srun ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM


def recover_report(name: str, folder: Path) -> JobReport | None:
    """Return the job's end, or None when it never started here."""
    start = batch_script.read_start(folder)
    if start is None:
        return None
    end = batch_script.read_exit(folder)
    if end is None:
        return JobReport(
            name, start.scheduler_id, JobState.LOST, reason=_lost(start), started_at=start.started_at
        )
    state, reason = _end(end)
    return JobReport(
        name,
        start.scheduler_id,
        state,
        exit_code=end.exit_code,
        reason=reason,
        started_at=end.started_at,
        ended_at=end.ended_at,
    )


def _lost(start: batch_script.Start) -> str:
    return (
        f"Slurm no longer knows the job, and it left no exit file: it started on {start.host}"
        f" at {start.started_at:%Y-%m-%d %H:%M:%S} UTC and was killed, or its node failed; retry it"
    )


def _end(end: batch_script.Exit) -> tuple[JobState, str]:
    if end.signal is None and end.exit_code != _TERMINATED:
        if end.exit_code == 0:
            return JobState.SUCCEEDED, ""
        return JobState.FAILED, f"the job ended with exit code {end.exit_code}"
    limit = end.time_limit_s
    if limit is not None and end.ended_at - end.started_at > timedelta(seconds=limit) - _EARLY:
        return JobState.TIMEOUT, f"the job ran into its time limit of {limit} s"
    return JobState.CANCELLED, "the job was cancelled on the cluster"
