"""An attempt of the local scheduler, judged by its control folder and its process.

The folder is read as hostile input: a file that is no record ends this attempt with a sentence, and no other.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from gateway.attempt_files import attempt_file_errors, is_regular
from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Exit, Start, forbid_start, read_exit, read_start
from gateway.schedulers.base import JobReport
from gateway.schedulers.exit_words import exit_words
from gateway.schedulers.local import processes
from gateway.schedulers.local.spool import SpoolEntry
from gateway.states import JobState

# The next call kills a cancelled job that still runs after this long.
KILL_AFTER_S = 10.0
CANCELLED = "cancelled"
_MARK = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def is_running(entry: SpoolEntry) -> bool:
    """Tell whether the job has started and not ended; one whose start cannot be read keeps its CPUs."""
    if entry.end is not None:
        return False
    try:
        return read_start(entry.folder) is not None
    except FilesystemError:
        return True


def find_end(entry: SpoolEntry) -> JobReport | None:
    """Return the report of an ended job, or None while it waits or runs; kill the processes it left."""
    try:
        return _find_end(entry)
    except FilesystemUnavailable:
        return None
    except FilesystemError as error:
        return failed(entry, error.detail)


def failed(entry: SpoolEntry, reason: str) -> JobReport:
    """Return the report of a job that the scheduler could not run to its end."""
    return JobReport(entry.name, entry.scheduler_id, JobState.FAILED, reason=reason)


def _find_end(entry: SpoolEntry) -> JobReport | None:
    if not is_regular(entry.folder / batch_script.SCRIPT):
        return failed(entry, "the job's control folder was removed")
    cancelled_at = _cancelled_at(entry.folder)
    if cancelled_at is not None:
        forbid_start(entry.folder, entry.scheduler_id)
    start = read_start(entry.folder)
    if start is None:
        return None
    overdue = cancelled_at is not None and time.time() - cancelled_at > KILL_AFTER_S
    if start.pid and (overdue or not processes.is_alive(start)):
        processes.kill_session(start)
    report = report_started(entry.name, entry.folder, start)
    return None if report.state is JobState.RUNNING else report


def mark_cancelled(folder: Path) -> None:
    """Mark the attempt as cancelled; the time of the first mark stays."""
    with attempt_file_errors(CANCELLED), suppress(FileExistsError):
        os.close(os.open(folder / CANCELLED, _MARK, 0o600))


def _cancelled_at(folder: Path) -> float | None:
    with attempt_file_errors(CANCELLED):
        try:
            return (folder / CANCELLED).lstat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None


def report_started(name: str, folder: Path, start: Start) -> JobReport:
    """Report on a started attempt, from its folder and its process."""
    if start.pid == 0:
        return JobReport(
            name,
            start.scheduler_id,
            JobState.CANCELLED,
            reason="cancelled before it started",
            ended_at=start.started_at,
        )
    alive = processes.is_alive(start)
    end = None if alive else read_exit(folder)
    cancelled = _cancelled_at(folder) is not None
    state = JobState.RUNNING if alive else _end_state(end, cancelled=cancelled)
    return JobReport(
        name,
        start.scheduler_id,
        state,
        exit_code=None if end is None else end.exit_code,
        reason=_end_reason(state, end),
        started_at=start.started_at,
        ended_at=None if end is None else end.ended_at,
    )


def _end_state(end: Exit | None, *, cancelled: bool) -> JobState:
    if end is not None and end.exit_code == 0:
        return JobState.SUCCEEDED
    if cancelled and (end is None or end.signal is not None):
        return JobState.CANCELLED
    return JobState.FAILED


def _end_reason(state: JobState, end: Exit | None) -> str:
    if state in {JobState.RUNNING, JobState.SUCCEEDED}:
        return ""
    if state is JobState.CANCELLED:
        return "cancelled while it ran"
    if end is None:
        return "the job was killed from outside, or the machine restarted, before it could note its end"
    return exit_words(end.exit_code if end.signal is None else 128 + end.signal)
