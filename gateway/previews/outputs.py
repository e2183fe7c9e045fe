"""Previews of a job's outputs, requested from the cluster's worker: the API sees no file of a cluster."""

from dataclasses import asdict

from gateway.errors import Invalid, NotFound
from gateway.models import Job
from gateway.previews.preview import View
from gateway.queue import ask_worker
from gateway.queue.waiting_requests import one_more

TASK = "control.preview"


def preview_name(service: str) -> str:
    """Return the name of a preview in the output folder of a run."""
    return f"{service}.preview"


def request_preview(job: Job, service: str, view: View, caller: str) -> bytes:
    """Return the preview of a job's output as JSON, or raise NotFound, Invalid or TooMany."""
    if all(output["service"] != service for output in job.outputs):
        ended = "has no result" if job.ended_at else "has no result yet"
        raise NotFound(f"job {job.id} {ended} of {service!r}")
    with one_more(caller, "previews"):
        told = ask_worker.request(
            job.infrastructure, TASK, job_id=str(job.id), service=service, **asdict(view)
        )
    if field := told.get("field"):
        raise Invalid(told["reason"], field=field)
    if told["body"] is None:
        raise NotFound(f"the result of {service!r} of job {job.id} has no preview{told['reason']}")
    return str(told["body"]).encode()
