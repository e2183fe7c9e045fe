"""The task `control.log`: a worker replies to the API's request for a range of a job's log."""

import os
from dataclasses import asdict
from uuid import UUID

from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope
from gateway.errors import FilesystemError
from gateway.filesystems.attempt_folder import AttemptFolder
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
    cluster = configured_clusters()[job.infrastructure]
    chunk = read(open_run(job, cluster).control, LogRange(stream, offset, tail))
    ask_worker.reply(key, asdict(chunk))


def read(folder: AttemptFolder, wanted: LogRange) -> LogChunk:
    """Read a range of the log, which is empty until the job writes."""
    try:
        with folder.open_file(FILES[wanted.stream]) as fd:
            if fd is None:
                return LogChunk(wanted.stream, "", 0, 0, 0)
            size = os.fstat(fd).st_size
            offset = min(wanted.offset, size) if wanted.tail is None else max(size - wanted.tail, 0)
            data = os.pread(fd, min(LIMIT_BYTES, size - offset), offset)
    except FilesystemError:
        return LogChunk(wanted.stream, "", 0, 0, 0)
    return LogChunk(wanted.stream, data.decode(errors="replace"), offset, offset + len(data), size)
