"""The end of a job, from PBS's record and the exit file in the control folder together."""

import signal
from typing import NamedTuple

from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit
from gateway.schedulers.exit_words import exit_words
from gateway.schedulers.pbs.kill_message import (
    OUT_OF_CPU_TIME,
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    TOO_MANY_CPUS,
)
from gateway.schedulers.pbs.records import PbsJob
from gateway.states import JobState

CANCELLED = "the job was cancelled on the cluster"
_DELETED = 91  # substate
_SIGNALLED = 256  # PBS adds the signal's number to it when the whole job is signalled
_NODE_FAILED = (JobState.NODE_FAILURE, "a node of the job failed while it ran; retry the job")
_RESTARTED = (
    JobState.NODE_FAILURE,
    "PBS was started anew on a node of the job, which ended it; retry the job",
)
_TOO_MANY_CPUS = (JobState.FAILED, TOO_MANY_CPUS)
_BY_HOOK = (JobState.FAILED, "a hook of the cluster has deleted the job; its operators can tell the cause")
# Negative numbers are PBS's own; -27, -29, -20 and -2 were seen, the others are those of its source (job.h).
_OWN = {
    -2: (JobState.FAILED, "the account has no home folder on the node; tell the cluster's operators"),
    -4: _RESTARTED,
    -5: _RESTARTED,
    -6: _RESTARTED,
    -10: (JobState.FAILED, "the account is not known on the node; tell the cluster's operators"),
    -17: _BY_HOOK,
    -19: _BY_HOOK,
    -20: _NODE_FAILED,
    -24: _TOO_MANY_CPUS,
    -25: _TOO_MANY_CPUS,
    -26: (JobState.OUT_OF_MEMORY, OUT_OF_MEMORY),
    -27: (JobState.OUT_OF_MEMORY, OUT_OF_MEMORY),
    -28: (JobState.TIMEOUT, OUT_OF_CPU_TIME),
    -29: (JobState.TIMEOUT, OUT_OF_TIME),
    -30: _NODE_FAILED,
    -31: (JobState.OUT_OF_MEMORY, OUT_OF_MEMORY),
}
_TERMINATED = 128 + signal.SIGTERM


class PbsEnd(NamedTuple):
    """The end of a job: its state, its exit code as a shell counts it, and the reason."""

    state: JobState
    exit_code: int | None
    reason: str


def end_by_record(job: PbsJob, end: Exit | None) -> PbsEnd:
    """Return the end of a job that PBS calls finished; `end` is the file of its script.

    A script that has written a good end has done its work, whatever befell the job afterwards.
    """
    status, own_code = job.exit_status, None if end is None else end.exit_code
    if own_code == 0 and end is not None and end.signal is None:
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
