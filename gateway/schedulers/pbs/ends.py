"""The end of a job, from PBS's record and the exit file in the control folder together."""

import signal
from typing import NamedTuple

from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit
from gateway.schedulers.exit_words import exit_words
from gateway.schedulers.pbs.records import PbsJob
from gateway.states import JobState

CANCELLED = "the job was cancelled on the cluster"
OUT_OF_TIME = "the job ran into its time limit; ask for more with resources.time_limit_s"
OUT_OF_MEMORY = "the job needed more memory than it was granted"
_DELETED = 91  # substate
_SIGNALLED = 256  # PBS adds the signal's number to it when the whole job is signalled
# Negative numbers are PBS's own; -27, -29, -20 and -2 were seen, the others are those of its documentation.
_OWN = {
    -27: (JobState.OUT_OF_MEMORY, OUT_OF_MEMORY),
    -29: (JobState.TIMEOUT, OUT_OF_TIME),
    -26: (JobState.TIMEOUT, "the job used more processor time than its queue allows; ask for less"),
    -20: (JobState.NODE_FAILURE, "a node of the job failed while it ran; retry the job"),
    -2: (JobState.FAILED, "the account has no home folder on the node; tell the cluster's operators"),
}
_TERMINATED = 128 + signal.SIGTERM


class PbsEnd(NamedTuple):
    """The end of a job: its state, its exit code as a shell counts it, and the reason."""

    state: JobState
    exit_code: int | None
    reason: str


def end_by_record(job: PbsJob, end: Exit | None) -> PbsEnd:
    """Return the end of a job that PBS calls finished; `end` is the file of its script."""
    status, own_code = job.exit_status, None if end is None else end.exit_code
    if own_code == 0 and end is not None and end.signal is None and status in {0, None}:
        return PbsEnd(JobState.SUCCEEDED, 0, "")
    if status is None:
        return PbsEnd(*_without_status(job))
    if status < 0:
        state, reason = _OWN.get(
            status, (JobState.FAILED, f"PBS could not run the job to its end (Exit_status {status})")
        )
        return PbsEnd(state, own_code, reason)
    if _is_deleted(job):
        return PbsEnd(JobState.CANCELLED, own_code, CANCELLED)
    if status == 0:
        return PbsEnd(JobState.SUCCEEDED, 0, "")
    return _failed(128 + status - _SIGNALLED if status >= _SIGNALLED else status, end)


def _without_status(job: PbsJob) -> tuple[JobState, None, str]:
    if _is_deleted(job):
        return JobState.CANCELLED, None, CANCELLED
    if job.hold == "s":
        return JobState.FAILED, None, "a job that it depends on has not succeeded, so that PBS dropped it"
    return JobState.FAILED, None, "PBS has ended the job before its start and gives no cause; retry it"


def _is_deleted(job: PbsJob) -> bool:
    return job.substate == _DELETED or "and terminated" in job.comment


def _failed(status: int, end: Exit | None) -> PbsEnd:
    if status == batch_script.NO_FOLDER and end is None:
        words = "the job could not write to its folder on the node; the filesystem may be full"
        return PbsEnd(JobState.FAILED, status, words)
    code = end.exit_code if end is not None and end.signal is None else status
    return PbsEnd(JobState.FAILED, code, exit_words(code))


def end_by_folder(end: Exit) -> PbsEnd:
    """Return the end that the exit file tells without PBS's record."""
    if end.signal is None and end.exit_code == 0:
        return PbsEnd(JobState.SUCCEEDED, 0, "")
    if end.signal is None and end.exit_code != _TERMINATED:
        return PbsEnd(JobState.FAILED, end.exit_code, exit_words(end.exit_code))
    limit, ran = end.time_limit_s, (end.ended_at - end.started_at).total_seconds()
    if limit is not None and ran >= limit:
        return PbsEnd(JobState.TIMEOUT, end.exit_code, OUT_OF_TIME)
    return PbsEnd(JobState.CANCELLED, end.exit_code, CANCELLED)
