"""Short requests of the API to a worker: ranges of a job's log, and previews of its results."""

from dataclasses import asdict
from uuid import UUID

from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import FilesystemError, Invalid
from gateway.filesystems.base import Folder
from gateway.jobs.logs import LIMIT_BYTES, TASK, LogChunk, LogRange
from gateway.jobs.member_runs import open_member
from gateway.jobs.run_folders import open_run
from gateway.models import Job, JobMember
from gateway.previews.outputs import TASK as PREVIEW
from gateway.previews.outputs import Refusal, preview_name
from gateway.previews.preview import FILE_BYTES, Preview, View
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


@app.task(name=PREVIEW)
def preview(
    key: str, job_id: str, service: str, points: int, signals: list[str] | None, *, member: int | None = None
) -> None:
    """Reply with the preview of the result of a job or of one of its members as JSON text, or without one."""
    with session_scope(read_only=True) as session:
        job = session.get_one(Job, UUID(job_id))
        run = None if member is None else session.get_one(JobMember, (job.id, member))
    cluster = cluster_of(job)
    output = (open_member(job, run, cluster) if run else open_run(job, cluster)).output
    ask_worker.reply_bytes(key, read_preview(output, service, View(points, signals)))


def read_preview(folder: Folder, service: str, view: View) -> bytes:
    """Return the reply with a preview, or with the reason why there is none; the folder is hostile input."""
    try:
        found = folder.read_range(preview_name(service), 0, None, FILE_BYTES + 1)
        if found is None:
            return Refusal().encode()
        return b"\n" + Preview(found.data).show(view)
    except Invalid as error:
        return Refusal(error.detail.removeprefix("signals: "), "signals").encode()
    except FilesystemError as error:
        return Refusal(f": {error.detail}").encode()


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
