"""Slurm's own messages about the end of a job, in the two logs of its control folder.

slurmstepd writes into `slurm-<id>.log` about the script, and through srun into the ranks' stderr about them.
A whole line has to be a message about this job, because the ranks write to that stderr too.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.attempt_files import read_tail
from gateway.errors import FilesystemError
from gateway.schedulers.batch_script import STDERR
from gateway.schedulers.slurm.states import (
    ENDED_BY_SLURM,
    MADE_ROOM,
    NEEDED_MORE_MEMORY,
    NODE_FAILED,
    RAN_OUT_OF_TIME,
    REQUEUED,
)
from gateway.states import JobState

_TAIL_BYTES = 1 << 16
_LONGEST_LINE = 400
_log = logging.getLogger(__name__)


class ToldEnd(NamedTuple):
    """A job's state and the reason for it."""

    state: JobState
    reason: str


def _memory_exceeded(match: re.Match[str]) -> ToldEnd:
    used, allowed = int(match["used"]), int(match["allowed"])
    return ToldEnd(
        JobState.OUT_OF_MEMORY,
        f"{NEEDED_MORE_MEMORY}: on one node it used {used:,} bytes, where {allowed:,} were allowed",
    )


def _always(state: JobState, reason: str) -> Callable[[re.Match[str]], ToldEnd]:
    return lambda _match: ToldEnd(state, reason)


_STEPD = r"slurmstepd(?:-\S{1,64})?: error: "
_ABOUT_JOB = r"(?:StepId=|JobId=|(?i:step|job) )(?P<job>\d{1,10})\S{0,64}"
_CANCELLED = rf"{_STEPD}\*\*\* {_ABOUT_JOB} ON \S{{1,64}} CANCELLED AT \S{{1,32}} DUE TO "
_FIGURES = r"(?P<used>\d{1,19}) > (?P<allowed>\d{1,19})"
# The first pattern that a line of the logs matches tells the end.
_UNCONFIRMED = r"srun: error: Unable to confirm allocation for job"  # slurmctld forgot it, or its start
_NO_SUCH_JOB = r"srun: error: Check SLURM_JOB_ID environment variable\. Expired or invalid job"
_MESSAGES = [
    (
        rf"{_STEPD}{_ABOUT_JOB} exceeded (?:virtual )?memory limit \({_FIGURES}\), being killed",
        _memory_exceeded,
    ),
    (
        rf"{_STEPD}Detected \d{{1,10}} oom[-_]kill event\S{{0,3}} in {_ABOUT_JOB}(?: .*)?",
        _always(JobState.OUT_OF_MEMORY, NEEDED_MORE_MEMORY),
    ),
    (
        r"srun: error: \S{1,64}: tasks? \S{1,64}: Out Of Memory",
        _always(JobState.OUT_OF_MEMORY, NEEDED_MORE_MEMORY),
    ),
    (rf"{_STEPD}Exceeded job memory limit", _always(JobState.OUT_OF_MEMORY, NEEDED_MORE_MEMORY)),
    (rf"{_CANCELLED}TIME LIMIT \*\*\*", _always(JobState.TIMEOUT, RAN_OUT_OF_TIME)),
    (rf"{_CANCELLED}NODE FAILURE, .*", _always(JobState.NODE_FAILURE, NODE_FAILED)),
    (r"srun: error: Node failure on \S{1,64}", _always(JobState.NODE_FAILURE, NODE_FAILED)),
    (rf"{_CANCELLED}PREEMPTION \*\*\*", _always(JobState.FAILED, MADE_ROOM)),
    (rf"{_CANCELLED}JOB REQUEUE \*\*\*", _always(JobState.FAILED, REQUEUED)),
    (
        rf"{_UNCONFIRMED} (?P<job>\d{{1,10}}): (?:Invalid job id specified|Job is pending execution)",
        _always(JobState.LOST, ENDED_BY_SLURM),
    ),
    (r"srun: error: Slurm job (?P<job>\d{1,10}) has expired\.?", _always(JobState.LOST, ENDED_BY_SLURM)),
    (rf"{_NO_SUCH_JOB} (?P<job>\d{{1,10}})", _always(JobState.LOST, ENDED_BY_SLURM)),
]
_COMPILED = [(re.compile(pattern, re.ASCII), told) for pattern, told in _MESSAGES]


def read_told_end(folder: Path, scheduler_id: str) -> ToldEnd | None:
    """Return the end that Slurm's messages tell, or None where they tell none."""
    is_member = "_" in scheduler_id
    log = (folder.parent if is_member else folder) / f"slurm-{scheduler_id}.log"
    lines = [*_last_lines(log), *_last_lines(folder / STDERR)]
    return next((end for message in _COMPILED if (end := _find(message, lines, scheduler_id))), None)


def _find(
    message: tuple[re.Pattern[str], Callable[[re.Match[str]], ToldEnd]], lines: list[str], scheduler_id: str
) -> ToldEnd | None:
    pattern, told = message
    for line in lines:
        match = pattern.fullmatch(line)
        if match and _is_about(match, scheduler_id):
            return told(match)
    return None


def _is_about(match: re.Match[str], scheduler_id: str) -> bool:
    """Tell whether the message is about this job; those about a member of an array name its other id."""
    return "_" in scheduler_id or match.groupdict().get("job", scheduler_id) == scheduler_id


def _last_lines(path: Path) -> list[str]:
    """Return the lines at the end of a log; a file that is no log tells nothing."""
    try:
        text = read_tail(path, _TAIL_BYTES).decode(errors="replace")
    except FilesystemError as error:
        _log.warning("%s: %s", path.parent.name, error.detail)
        return []
    return [line.rstrip() for line in text.splitlines() if len(line) <= _LONGEST_LINE]
