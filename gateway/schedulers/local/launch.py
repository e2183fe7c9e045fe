"""The launch of a job's batch script by the local scheduler, in a session of its own."""

import os
import subprocess
import time
from pathlib import Path

from gateway.attempt_files import attempt_file_errors, is_regular
from gateway.errors import FilesystemError, SchedulerUnavailable
from gateway.schedulers import batch_script
from gateway.schedulers.local.spool import SpoolEntry

LAUNCH_LOG = "launch.log"
NOT_STARTED = (
    "the job's script could not write its start into the control folder:"
    " the filesystem may be full or read-only"
)
_LAUNCH_WAIT_S = 2.0
_LAUNCH_POLL_S = 0.002
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def launch(entry: SpoolEntry) -> str:
    """Start the script and wait for its start; return "", or the reason why the job has not started.

    Raises
    ------
    SchedulerUnavailable
        When this machine starts no process at the moment.
    """
    try:
        log = _open_log(entry.folder)
    except FilesystemError as error:
        return error.detail
    try:
        _start_script(entry, log)
    finally:
        os.close(log)
    return "" if _has_started(entry.folder) else NOT_STARTED


def _open_log(folder: Path) -> int:
    with attempt_file_errors(LAUNCH_LOG):
        is_regular(folder / LAUNCH_LOG)
        return os.open(folder / LAUNCH_LOG, _APPEND, 0o600)


def _start_script(entry: SpoolEntry, log: int) -> None:
    try:
        subprocess.run(
            ["/usr/bin/setsid", "--fork", "/bin/bash", "-p", str(entry.folder / batch_script.SCRIPT)],
            env={**batch_script.ENVIRONMENT, "HOME": str(Path.home()), **_identity(entry)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SchedulerUnavailable(f"this machine starts no process: {error}") from error


def _identity(entry: SpoolEntry) -> dict[str, str]:
    """Return the variables by which the script knows its id, and a member its index."""
    if entry.index is None:
        return {"SLURM_JOB_ID": str(entry.number)}
    return {"SLURM_ARRAY_JOB_ID": str(entry.array), "SLURM_ARRAY_TASK_ID": str(entry.index)}


def _has_started(folder: Path) -> bool:
    """Wait for the start file."""
    deadline = time.monotonic() + _LAUNCH_WAIT_S
    while time.monotonic() < deadline:
        if os.path.lexists(folder / batch_script.STARTED):
            return True
        time.sleep(_LAUNCH_POLL_S)
    return False
