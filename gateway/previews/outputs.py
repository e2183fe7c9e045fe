"""Previews of a job's outputs, requested from the cluster's worker: the API sees no file of a cluster."""

import json
from dataclasses import asdict, dataclass

from gateway.errors import Invalid, NotFound
from gateway.models import Job
from gateway.previews.preview import View
from gateway.queue import ask_worker
from gateway.queue.waiting_requests import one_large, one_more

TASK = "control.preview"


@dataclass(frozen=True)
class Refusal:
    """Why there is no preview; `field` names the field of the request that it is about."""

    reason: str = ""
    field: str = ""

    def encode(self) -> bytes:
        """Return the reply of the worker: one line, which the body of a preview would follow."""
        return json.dumps(asdict(self)).encode() + b"\n"


def preview_name(service: str) -> str:
    """Return the name of a preview in the output folder of a run."""
    return f"{service}.preview"


def request_preview(job: Job, service: str, view: View, caller: str) -> bytes:
    """Return the preview of a job's output as JSON, or raise NotFound, Invalid or TooMany."""
    if all(output["service"] != service for output in job.outputs):
        ended = "has no result" if job.ended_at else "has no result yet"
        raise NotFound(f"job {job.id} {ended} of {service!r}")
    with one_more(caller, "previews"), one_large(caller, "previews"):
        reply = ask_worker.request_bytes(
            job.infrastructure, TASK, job_id=str(job.id), service=service, **asdict(view)
        )
    line, _, body = reply.partition(b"\n")
    if body:
        return body
    told = Refusal(**json.loads(line))
    if told.field:
        raise Invalid(told.reason, field=told.field)
    raise NotFound(f"the result of {service!r} of job {job.id} has no preview{told.reason}")
