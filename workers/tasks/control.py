"""Short requests of the API to a worker: ranges of a job's log, and previews of its results."""

import os
from dataclasses import asdict
from uuid import UUID

from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope
from gateway.errors import FilesystemError, Invalid
from gateway.filesystems.attempt_folder import AttemptFolder
from gateway.jobs.logs import LIMIT_BYTES, TASK, LogChunk, LogRange
from gateway.jobs.run_folders import open_run
from gateway.models import Job
from gateway.previews.outputs import TASK as PREVIEW
from gateway.previews.outputs import preview_name
from gateway.previews.preview import FILE_BYTES, Preview, View
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


@app.task(name=PREVIEW)
def preview(key: str, job_id: str, service: str, points: int, signals: list[str] | None) -> None:
    """Reply with the preview of a job's result as JSON text, or without one."""
    with session_scope(read_only=True) as session:
        job = session.get_one(Job, UUID(job_id))
    cluster = configured_clusters()[job.infrastructure]
    reply = read_preview(open_run(job, cluster).output, service, View(points, signals))
    ask_worker.reply(key, reply)


def read_preview(folder: AttemptFolder, service: str, view: View) -> dict[str, str | None]:
    """Return the preview as `body`, or the reason why there is none; the folder is hostile input."""
    try:
        with folder.open_file(preview_name(service)) as fd:
            if fd is None:
                return {"body": None, "reason": ""}
            with open(fd, "rb", closefd=False) as file:
                data = file.read(FILE_BYTES + 1)
        return {"body": Preview(data).show(view).decode(), "reason": ""}
    except Invalid as error:
        return {"body": None, "reason": error.detail.removeprefix("signals: "), "field": "signals"}
    except FilesystemError as error:
        return {"body": None, "reason": f": {error.detail}"}


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
