"""The task `control.log`: a worker replies to the API's request for a range of a job's log."""

from dataclasses import asdict
from uuid import UUID

from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import FilesystemError
from gateway.filesystems.base import Folder
from gateway.jobs.logs import LIMIT_BYTES, TASK, LogChunk, LogRange
from gateway.jobs.run_folders import open_run
from gateway.models import Job
from gateway.queue import app, ask_worker
from gateway.schedulers import batch_script

FILES = {"stdout": batch_script.STDOUT, "stderr": batch_script.STDERR}


@app.task(name=TASK)
def log(key: str, job_id: str, stream: str, offset: int, tail: int | None) -> None:
    """Reply with a range of a job's stdout or stderr."""
    with session_scope(read_only=True) as session:
        job = session.get_one(Job, UUID(job_id))
    cluster = cluster_of(job)
    chunk = read(open_run(job, cluster).control, LogRange(stream, offset, tail))
    ask_worker.reply(key, asdict(chunk))


def read(folder: Folder, wanted: LogRange) -> LogChunk:
    """Read a range of the log, which is empty until the job writes."""
    try:
        found = folder.read_range(FILES[wanted.stream], wanted.offset, wanted.tail, LIMIT_BYTES)
    except FilesystemError:
        found = None
    if found is None:
        return LogChunk(wanted.stream, "", 0, 0, 0)
    until = found.offset + len(found.data)
    return LogChunk(wanted.stream, found.data.decode(errors="replace"), found.offset, until, found.size)
