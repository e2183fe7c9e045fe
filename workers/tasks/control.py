"""The answers to short questions about a cluster."""

import os
from dataclasses import asdict
from uuid import UUID

from gateway import batch, infrastructures, questions
from gateway.db import session_scope
from gateway.errors import SiteError
from gateway.job_logs import LIMIT_BYTES, TASK, Piece, Wanted
from gateway.models import Job
from gateway.programs import attempt_folder
from gateway.queue import app
from gateway.sites.local import LocalSite
from gateway.sites.opening import open_site

FILES = {"stdout": batch.STDOUT, "stderr": batch.STDERR}


@app.task(name=TASK)
def log(key: str, job_id: str, stream: str, offset: int, tail: int | None) -> None:
    """Answer with a part of a job's stdout or stderr."""
    with session_scope(read_only=True) as session:
        job = session.get_one(Job, UUID(job_id))
    cluster = infrastructures.configured()[job.infrastructure]
    piece = read(job, Wanted(stream, offset, tail), open_site(cluster, job.owner))
    questions.answer(key, asdict(piece))


def read(job: Job, wanted: Wanted, site: LocalSite) -> Piece:
    """Read the part; a job that has written nothing yet has an empty log."""
    try:
        with site.read(attempt_folder(job) / FILES[wanted.stream]) as source:
            size = os.fstat(source.fd).st_size
            offset = min(wanted.offset, size) if wanted.tail is None else max(size - wanted.tail, 0)
            data = os.pread(source.fd, min(LIMIT_BYTES, size - offset), offset)
    except SiteError:
        return Piece(wanted.stream, "", 0, 0, 0)
    return Piece(wanted.stream, data.decode(errors="replace"), offset, offset + len(data), size)
