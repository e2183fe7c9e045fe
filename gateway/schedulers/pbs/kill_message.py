"""The message of PBS about a job that it killed for a limit, in the job's own log in the control folder.

It tells a limit on processor time, which the record shows as a kill by anybody, and it is all that is left
where PBS keeps no ended jobs. The ranks write to other files.
"""

import re
from pathlib import Path
from typing import NamedTuple

from gateway.attempt_files import read_tail
from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.schedulers.arrays import split_name
from gateway.schedulers.pbs.submission import LOG, MEMBER_LOG
from gateway.states import JobState

OUT_OF_TIME = "the job ran into its time limit; ask for more with resources.time_limit_s"
OUT_OF_CPU_TIME = "the job used more processor time than its queue allows; ask for less"
OUT_OF_MEMORY = "the job needed more memory than it was granted"
TOO_MANY_CPUS = "the job used more processors than it was granted; ask for more threads"
_MESSAGE = re.compile(
    r"=>> PBS: job killed: (?P<limit>[a-z]{1,16}) (?P<used>[\w.:]{1,32})"
    r" exceeded limit (?P<most>[\w.:]{1,32})\b.*",
    re.ASCII,
)
_LIMITS = {
    "walltime": (JobState.TIMEOUT, OUT_OF_TIME),
    **dict.fromkeys(("cput", "pcput"), (JobState.TIMEOUT, OUT_OF_CPU_TIME)),
    **dict.fromkeys(("mem", "vmem", "pmem", "pvmem"), (JobState.OUT_OF_MEMORY, OUT_OF_MEMORY)),
    "ncpus": (JobState.FAILED, TOO_MANY_CPUS),
}
_TAIL_BYTES, _LONGEST_LINE = 1 << 14, 200


class Kill(NamedTuple):
    """The end of a job that PBS killed: its state, and the reason with both figures."""

    state: JobState
    reason: str


def read_kill(name: str, folder: Path) -> Kill | None:
    """Return the kill that the log of the run or member of this name tells, or None."""
    index = split_name(name)[1]
    log = folder / LOG if index is None else folder.parent / MEMBER_LOG.replace("^array_index^", str(index))
    try:
        text = read_tail(log, _TAIL_BYTES).decode(errors="replace")
    except FilesystemUnavailable:
        raise
    except FilesystemError:
        return None
    lines = (line.strip() for line in text.splitlines() if len(line) <= _LONGEST_LINE)
    return next((kill for kill in map(_kill_of, lines) if kill is not None), None)


def _kill_of(line: str) -> Kill | None:
    match = _MESSAGE.fullmatch(line)
    if match is None or match["limit"] not in _LIMITS:
        return None
    state, reason = _LIMITS[match["limit"]]
    return Kill(state, f"{reason} (it used {match['used']} of {match['most']})")
