"""`/job`: kernels on the cluster."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from api import row_actions, row_reads
from api.acceptance import accept_row
from api.deps import Caller, RowId, read
from api.event_streams import STREAM_RESPONSES, LastEventId, answer_row_events
from api.idempotency import Answers, RequestKey
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ACTION_PROBLEMS, ActingCaller, ActionRequest, Find
from api.schemas.job_examples import JOB_EXAMPLES
from api.schemas.jobs import JobLog, JobRequest, JobStatus
from api.schemas.listing import HistoryEvent, JobQuery, Page
from api.schemas.retries import Action, JobRetry
from api.schemas.tables import Preview, ViewQuery
from api.status_reads import STATUS_READS, STATUS_RESPONSES, UNCHANGED, Wait
from api.tagged_body import respond_tagged
from gateway.errors import Invalid
from gateway.jobs import lifecycle as jobs
from gateway.jobs import logs as job_logs
from gateway.models import Job
from gateway.previews import outputs as output_previews

router = APIRouter(prefix="/job", tags=["jobs"], route_class=OneHopRoute)


async def _finder(caller: Caller, row_id: RowId) -> Find[Job]:
    def find(session: Session) -> Job:
        return jobs.get(session, caller, row_id)

    return find


FindJob = Annotated[Find[Job], Depends(_finder)]


async def _action_request(find: FindJob, actor: ActingCaller, answers: Answers) -> ActionRequest[Job]:
    return ActionRequest(find, actor, answers)


JobAction = Annotated[ActionRequest[Job], Depends(_action_request)]


@router.post("", status_code=201, response_model=JobStatus, responses=ACTION_PROBLEMS)
async def start_job(
    caller: Caller, key: RequestKey, body: Annotated[JobRequest, Body(openapi_examples=JOB_EXAMPLES)]
) -> Response:
    """Accept kernels to run; poll the id until `status` is `completed`, then look at `success`."""
    request = jobs.JobRequest(**dict(body))
    return await accept_row(
        lambda session: jobs.draft(session, caller.owner, request), JobStatus.json_of, key
    )


@router.get("", response_model=Page[JobStatus], responses=responses(400, 503))
async def list_jobs(caller: Caller, query: Annotated[JobQuery, Query()]) -> Response:
    """List jobs, newest first."""
    return await row_reads.list_page("job", query, caller)


@router.get("/{id}", response_model=JobStatus, responses=STATUS_RESPONSES)
async def get_job(request: Request, caller: Caller, row_id: RowId, wait: Wait = 0) -> Response:
    """Show where the job stands."""
    return await STATUS_READS["job"].answer(request, caller, row_id, wait)


@router.get("/{id}/events", response_model=list[HistoryEvent], responses=STREAM_RESPONSES)
async def list_job_events(
    request: Request, caller: Caller, row_id: RowId, last_event_id: LastEventId = None
) -> Response:
    """Show the job's history, in order; as a stream of server-sent events it goes on with each change."""
    return await answer_row_events(request, "job", row_id, caller, last_event_id)


@router.post("/{id}/cancel", responses=ACTION_PROBLEMS)
def cancel_job(request: JobAction, body: Action | None = None) -> JobStatus:
    """Request the job's end; 409 when it has ended already."""
    return row_actions.cancel_row(request, body, jobs.cancel, JobStatus.of)


@router.post("/{id}/retry", responses=ACTION_PROBLEMS)
def retry_job(request: JobAction, body: JobRetry | None = None) -> JobStatus:
    """Run a job that ended badly again, with other resources if there are any in the body.

    If its run ended well, only its end is read again.
    """
    resources = None if body is None else body.resources
    return row_actions.retry_row(request, body, JobStatus.of, resources=resources)


@router.get(
    "/{id}/outputs/{service}/preview",
    response_model=Preview,
    responses=UNCHANGED | responses(400, 404, 429, 503),
)
def get_output_preview(
    request: Request, find: FindJob, caller: Caller, service: str, view: ViewQuery
) -> Response:
    """Show the smallest and the largest sample of each stretch of a result."""
    body = output_previews.request_preview(read(find), service, view, caller.owner)
    return respond_tagged(request, body)


@router.get("/{id}/log", responses=responses(400, 404, 429, 503))
def get_log(
    find: FindJob,
    caller: Caller,
    stream: Literal["stdout", "stderr"] = "stdout",
    offset: Annotated[int | None, Query(ge=0, description="First byte to show.")] = None,
    tail: Annotated[int | None, Query(ge=1, description="Show so many of the last bytes instead.")] = None,
) -> JobLog:
    """Show the job's output so far, live while it runs; continue at `next_offset`."""
    if offset is not None and tail is not None:
        raise Invalid("choose offset or tail", field="tail")
    row = read(find)
    log_range = job_logs.LogRange(stream, offset or 0, tail)
    return JobLog.model_validate(job_logs.request_log(row, log_range, caller.owner))
