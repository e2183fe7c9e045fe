"""`/workflow`: input, jobs and results in one request."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from api import row_reads
from api.deps import Caller, RowId, read
from api.event_streams import STREAM_RESPONSES, LastEventId, answer_row_events
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ACTION_PROBLEMS, ActingCaller
from api.schemas.listing import HistoryEvent, Page, WorkflowQuery
from api.schemas.members import MemberName, MembersPage, MembersQuery
from api.schemas.retries import Action
from api.schemas.tables import Preview, ViewQuery
from api.schemas.workflow_status import WorkflowStatus
from api.schemas.workflows import WorkflowForecast, WorkflowRequest, WorkflowRetry
from api.status_reads import STATUS_READS, STATUS_RESPONSES, UNCHANGED, Wait
from api.tagged_body import respond_tagged
from gateway.db import session_scope
from gateway.jobs.member_table import TABLE, member_table
from gateway.models import Workflow
from gateway.operations import workflow_retries
from gateway.previews import outputs as output_previews
from gateway.workflows import lifecycle as workflows
from gateway.workflows import sweeps
from gateway.workflows.validation import draft_workflow

router = APIRouter(prefix="/workflow", tags=["workflows"], route_class=OneHopRoute)


_SAVED_AS = {"Content-Disposition": f'attachment; filename="{TABLE}"'}
_START_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": WorkflowForecast, "description": "Valid, with `dry_run`: nothing was started."}
}


@router.post("", status_code=201, response_model=WorkflowStatus, responses=_START_RESPONSES | ACTION_PROBLEMS)
def start_workflow(caller: Caller, answers: Answers, body: WorkflowRequest) -> WorkflowStatus | Response:
    """Accept an input, jobs and a place for results; poll the id until `status` is `completed`."""
    if not body.dry_run:
        return accept_workflow(caller, answers, body)
    request = body.to_request()
    drafted = read(lambda session: draft_workflow(session, caller.owner, request))
    return JSONResponse(WorkflowForecast(warnings=drafted.warnings).model_dump())


def accept_workflow(caller: Caller, answers: Answers, body: WorkflowRequest) -> WorkflowStatus:
    """Start a valid workflow, once for each key."""
    request = body.to_request()
    with answers.acquired():
        row = read(lambda session: draft_workflow(session, caller.owner, request))
        with session_scope() as session:
            workflows.create(session, row)
            return answers.store(session, _show(session, row), 201)


@router.get("", response_model=Page[WorkflowStatus], responses=responses(400, 503))
async def list_workflows(caller: Caller, query: Annotated[WorkflowQuery, Query()]) -> Response:
    """List workflows, newest first."""
    return await row_reads.list_page("workflow", query, caller)


@router.get("/{id}", response_model=WorkflowStatus, responses=STATUS_RESPONSES)
async def get_workflow(request: Request, caller: Caller, row_id: RowId, wait: Wait = 0) -> Response:
    """Show where the workflow and its steps stand."""
    return await STATUS_READS["workflow"].answer(request, caller, row_id, wait)


@router.get("/{id}/events", response_model=list[HistoryEvent], responses=STREAM_RESPONSES)
async def list_workflow_events(
    request: Request, caller: Caller, row_id: RowId, last_event_id: LastEventId = None
) -> Response:
    """Show the workflow's own history, in order; as a stream of server-sent events it goes on."""
    return await answer_row_events(request, "workflow", row_id, caller, last_event_id)


_MEMBERS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get(
    "/{id}/members", response_model=MembersPage, responses=_MEMBERS_RESPONSES | responses(400, 404, 503)
)
def list_workflow_members(
    caller: Caller, row_id: RowId, query: Annotated[MembersQuery, Query()]
) -> MembersPage | Response:
    """List the members of the sweep by their numbers, with parameters, state, outputs and usage."""
    if query.format == "json":
        return members_page(caller, row_id, query)
    return members_table(caller, row_id)


def members_table(caller: Caller, row_id: RowId) -> Response:
    """Return the table of all members, as a file."""
    with session_scope(read_only=True) as session:
        table = member_table(sweeps.list_all(session, workflows.get(session, caller, row_id)))
    return Response(table, media_type="text/csv", headers=_SAVED_AS)


def members_page(caller: Caller, row_id: RowId, query: MembersQuery) -> MembersPage:
    """Return a page of the members."""
    with session_scope(read_only=True) as session:
        row = workflows.get(session, caller, row_id)
        members, cursor = sweeps.list_members(session, row, query.cursor, query.limit)
        return MembersPage.of(members, cursor)


@router.get(
    "/{id}/members/{member}/outputs/{service}/preview",
    response_model=Preview,
    responses=UNCHANGED | responses(400, 404, 429, 503),
)
def get_member_preview(
    request: Request, caller: Caller, row_id: RowId, *, member: MemberName, service: str, view: ViewQuery
) -> Response:
    """Show the smallest and the largest sample of each stretch of a member's result."""
    job, found = read(
        lambda session: sweeps.get_member(session, workflows.get(session, caller, row_id), member)
    )
    body = output_previews.request_preview(job, service, view, caller.owner, found)
    return respond_tagged(request, body)


@router.post("/{id}/cancel", responses=ACTION_PROBLEMS)
def cancel_workflow(
    caller: Caller, row_id: RowId, actor: ActingCaller, answers: Answers, body: Action | None = None
) -> WorkflowStatus:
    """Stop all steps and begin no other; 409 when the workflow has ended already."""
    action = body or Action()
    name = actor.name(action.by)
    with answers.acquired():
        with session_scope() as session:
            workflows.request_cancel(session, workflows.get(session, caller, row_id), name, action.reason)
        with session_scope() as session:
            workflows.cancel_steps(session, [row_id], name, action.reason)
            return answers.store(session, _show(session, workflows.get(session, caller, row_id)))


@router.post("/{id}/retry", responses=ACTION_PROBLEMS)
def retry_workflow(
    caller: Caller, row_id: RowId, actor: ActingCaller, answers: Answers, body: WorkflowRetry | None = None
) -> WorkflowStatus:
    """Go on with a workflow that ended badly, from the steps that failed."""
    action = body or WorkflowRetry()
    fresh = action.fresh_access()
    with answers.acquired(), session_scope() as session:
        row = workflows.get(session, caller, row_id)
        workflow_retries.retry_workflow(session, row, actor.name(action.by), action.reason, fresh)
        return answers.store(session, _show(session, row))


def _show(session: Session, row: Workflow) -> WorkflowStatus:
    session.flush()
    session.refresh(row, ["transfer_steps", "job_steps"])
    return WorkflowStatus.of(row)
