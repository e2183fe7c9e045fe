"""The start of a run, which proves which copy of a job is the run."""

from pathlib import Path

from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.schedulers.attempt_record import Start, read_start


def started_number(folder: Path) -> str:
    """Return the number of the job that has started in the folder, or ""."""
    start = _read_start(folder)
    return start.scheduler_id if start is not None and start.pid else ""


def _read_start(folder: Path) -> Start | None:
    try:
        return read_start(folder)
    except FilesystemUnavailable:
        raise
    except FilesystemError:
        return None
