"""`/workflow`: input, jobs and results in one request."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from api import row_reads
from api.deps import Caller, RowId, read
from api.event_streams import STREAM_RESPONSES, LastEventId, answer_row_events
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ACTION_PROBLEMS, ActingCaller
from api.schemas.listing import HistoryEvent, Page, WorkflowQuery
from api.schemas.members import MembersPage, MembersQuery
from api.schemas.retries import Action
from api.schemas.tables import Preview, ViewQuery
from api.schemas.workflow_status import WorkflowStatus
from api.schemas.workflows import WorkflowRequest, WorkflowRetry
from api.status_reads import STATUS_READS, STATUS_RESPONSES, UNCHANGED, Wait
from api.tagged_body import respond_tagged
from gateway.db import session_scope
from gateway.models import Workflow
from gateway.operations import workflow_retries
from gateway.previews import outputs as output_previews
from gateway.workflows import lifecycle as workflows
from gateway.workflows import sweeps
from gateway.workflows.validation import draft_workflow

MemberName = Annotated[
    str, Path(max_length=4, description="As the list of members has it: `0000`, `0001` ...")
]
router = APIRouter(prefix="/workflow", tags=["workflows"], route_class=OneHopRoute)


@router.post("", status_code=201, responses=ACTION_PROBLEMS)
def start_workflow(caller: Caller, answers: Answers, body: WorkflowRequest) -> WorkflowStatus:
    """Accept an input, jobs and a place for results; poll the id until `status` is `completed`."""
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


@router.get("/{id}/members", responses=responses(400, 404, 503))
def list_workflow_members(
    caller: Caller, row_id: RowId, query: Annotated[MembersQuery, Query()]
) -> MembersPage:
    """List the members of the sweep by their numbers, with parameters, state, outputs and usage."""
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
