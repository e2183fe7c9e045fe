"""The end of a job, from Slurm's record, Slurm's messages and the exit file in the control folder together.

Slurm's record says FAILED for an end by memory, for a failed node that srun noticed first, and for a job that
was put back into the queue; the messages and the files tell these apart.
"""

import signal
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit
from gateway.schedulers.exit_words import exit_words
from gateway.schedulers.slurm.copies import LISTED_ENDS, find_exit
from gateway.schedulers.slurm.end_messages import ToldEnd, read_told_end
from gateway.schedulers.slurm.pending_reasons import find_reason
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.states import RAN_OUT_OF_TIME, REQUEUED, STATE_REASONS
from gateway.states import JobState

# Slurm checks time limits about every 30 s and never early, so an end this close to the limit is a time-out.
_LIMIT_TOLERANCE = timedelta(seconds=1)
# Slurm ends the ranks first, so the script may see only that srun was ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM
# The states that Slurm's record may give to an end whose cause only the messages tell.
_VAGUE = frozenset({JobState.FAILED, JobState.CANCELLED})
# Slurm marks an end without an exit status by "signal" 1, and one by memory by "signal" 125.
_MARK = 1
_WITHOUT_CODE = frozenset({"NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED", "OUT_OF_MEMORY"})
_NO_REASON = frozenset({"", "None"})
_LAUNCH_SIGNAL = "RaisedSignal:53"


def told_by_folder(end: Exit, folder: Path, scheduler_id: str) -> ToldEnd:
    """Return the end that exit file and messages tell without Slurm's record."""
    if end.signal is None and end.exit_code == 0:
        return ToldEnd(JobState.SUCCEEDED, "")
    told = read_told_end(folder, scheduler_id)
    if told is not None:
        return told
    if end.signal is None and end.exit_code != _TERMINATED:
        return ToldEnd(JobState.FAILED, exit_words(end.exit_code))
    limit = end.time_limit_s
    if limit is not None and end.ended_at - end.started_at > timedelta(seconds=limit) - _LIMIT_TOLERANCE:
        return ToldEnd(JobState.TIMEOUT, RAN_OUT_OF_TIME)
    return ToldEnd(JobState.CANCELLED, STATE_REASONS["CANCELLED"])


def told_by_record(job: SlurmJob, state: JobState) -> ToldEnd:
    """Return the end of a job that Slurm's record calls ended."""
    told = _told_end_once(job.scheduler_id, job.folder) if state in _VAGUE else None
    if told is not None and (state is JobState.FAILED or told.state is JobState.OUT_OF_MEMORY):
        return told
    if job.state in STATE_REASONS:
        return ToldEnd(state, STATE_REASONS[job.state])
    return ToldEnd(state, _failure(job) if state is JobState.FAILED else "")


def _failure(job: SlurmJob) -> str:
    end = find_exit(job)
    if job.exit_code == batch_script.ALREADY_STARTED and (end is None or end.exit_code != job.exit_code):
        return REQUEUED
    if job.exit_code == batch_script.NO_FOLDER and end is None:
        return "the job could not write to its folder on the node; the filesystem may be full"
    if job.reason.startswith(_LAUNCH_SIGNAL):
        return (
            "Slurm could not open the job's log on the node; the control area may be missing there, or full"
            f" (Slurm: {job.reason})"
        )
    code = exit_code(job)
    return _given_up(job) if code is None else exit_words(code) + _detail(job)


def _given_up(job: SlurmJob) -> str:
    """Return the cause for which Slurm ended a job whose script has no exit status."""
    if job.reason in _NO_REASON:
        return "Slurm has ended the job and gives no cause"
    known = find_reason(job.reason)
    return f"Slurm has ended the job: {known.sentence if known else job.reason}"


def _detail(job: SlurmJob) -> str:
    tells_more = job.reason not in _NO_REASON | {"NonZeroExitCode"} and not job.signal
    return f" (Slurm: {job.reason})" if tells_more else ""


def exit_code(job: SlurmJob) -> int | None:
    """Return the exit code as a shell does: 128 plus the signal's number for a death by signal.

    The folder's exit code comes first, because Slurm's interface cannot tell 143 from signal 15.
    """
    end = None if job.state == "COMPLETED" else find_exit(job)
    if end is not None:
        return end.exit_code
    if job.state in _WITHOUT_CODE or (job.signal == _MARK and not job.reason.startswith("RaisedSignal")):
        return None
    if job.signal:
        return 128 + job.signal
    if job.exit_code == 0 and job.state != "COMPLETED":
        return None
    return job.exit_code


# Slurm lists an ended job for minutes, in every response.
@lru_cache(maxsize=LISTED_ENDS)
def _told_end_once(scheduler_id: str, folder: Path) -> ToldEnd | None:
    return read_told_end(folder, scheduler_id)
