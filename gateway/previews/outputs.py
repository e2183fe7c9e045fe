"""Previews of the outputs of jobs and of members of sweeps, which the cluster's worker reads for the API."""

import json
from dataclasses import asdict, dataclass

from gateway.errors import Invalid, NotFound
from gateway.models import Job, JobMember
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


def request_preview(
    job: Job, service: str, view: View, caller: str, member: JobMember | None = None
) -> bytes:
    """Return the preview of an output as JSON, or raise NotFound, Invalid or TooMany."""
    whose, outputs, more = f"job {job.id}", job.outputs, dict[str, int]()
    if member is not None:
        whose, outputs = f"member {member.number:04d} of {whose}", member.outputs
        more = {"member": member.number}
    if all(output["service"] != service for output in outputs):
        ended = "has no result" if job.ended_at else "has no result yet"
        raise NotFound(f"{whose} {ended} of {service!r}")
    with one_more(caller, "previews"), one_large(caller, "previews"):
        reply = ask_worker.request_bytes(
            job.infrastructure, TASK, job_id=str(job.id), service=service, **more, **asdict(view)
        )
    line, _, body = reply.partition(b"\n")
    if body:
        return body
    told = Refusal(**json.loads(line))
    if told.field:
        raise Invalid(told.reason, field=told.field)
    raise NotFound(f"the result of {service!r} of {whose} has no preview{told.reason}")
