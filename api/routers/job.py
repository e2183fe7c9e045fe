"""`/job`: kernels on the cluster."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api import row_actions
from api.deps import Caller, RowId, read
from api.idempotency import Once
from api.problems import responses
from api.row_actions import ActingCaller
from api.schemas.jobs import JobLog, JobRequest, JobStatus
from api.schemas.listing import HistoryEvent, JobQuery, Page
from api.schemas.retries import Action
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.jobs import lifecycle as jobs
from gateway.jobs import logs as job_logs
from gateway.models import Job

router = APIRouter(prefix="/job", tags=["jobs"])


def _find(caller: Caller, row_id: RowId) -> row_actions.Find[Job]:
    def find(session: Session) -> Job:
        return jobs.get(session, caller, row_id)

    return find


Found = Annotated[row_actions.Find[Job], Depends(_find)]


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def start_job(caller: Caller, once: Once, body: JobRequest) -> JobStatus:
    """Accept kernels to run; poll the id until `status` is `completed`, then look at `success`."""
    request = jobs.JobRequest(**dict(body))
    with session_scope() as session:
        row = jobs.create(session, caller.owner, request)
        return once.keep(session, JobStatus.of(row), HTTPStatus.CREATED)


@router.get("", responses=responses(400, 503))
def list_jobs(caller: Caller, query: Annotated[JobQuery, Query()]) -> Page[JobStatus]:
    """List jobs, newest first."""
    items, following, counts = row_actions.list_page(Job, "job", query, caller)
    return Page(items=[JobStatus.of(row) for row in items], next=following, counts=counts)


@router.get("/{row_id}", responses=responses(404, 503))
def get_job(find: Found) -> JobStatus:
    """Show where the job stands."""
    return JobStatus.of(read(find))


@router.get("/{row_id}/events", responses=responses(404, 503))
def list_job_events(find: Found) -> list[HistoryEvent]:
    """Show everything that happened to the job, in order."""
    return row_actions.list_events(find)


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 422, 503))
def cancel_job(find: Found, actor: ActingCaller, once: Once, body: Action | None = None) -> JobStatus:
    """Ask for the job's end; what has ended already is 409."""
    return row_actions.cancel_row(find, body, actor, once, JobStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_job(find: Found, actor: ActingCaller, once: Once, body: Action | None = None) -> JobStatus:
    """Run a job that ended badly again; one whose run ended well only has its end read again."""
    return row_actions.retry_row(find, body, actor, once, JobStatus.of)


@router.get("/{row_id}/log", responses=responses(400, 404, 503))
def get_log(
    find: Found,
    stream: Literal["stdout", "stderr"] = "stdout",
    offset: Annotated[int | None, Query(ge=0, description="First byte to show.")] = None,
    tail: Annotated[int | None, Query(ge=1, description="Show so many of the last bytes instead.")] = None,
) -> JobLog:
    """Show what the job has written so far, live while it runs; go on from `next_offset`."""
    if offset is not None and tail is not None:
        raise Invalid("choose offset or tail", field="tail")
    row = read(find)
    wanted = job_logs.LogRange(stream, offset or 0, tail)
    return JobLog.model_validate(asdict(job_logs.request_log(row, wanted)))
