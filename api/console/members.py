"""Members of a sweep: some on the page of their run, all page by page, and each with its results."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api.console.figures import SERVICE, figures_page
from api.console.forms import validate
from api.console.pages import PageRoute, page
from api.console.result_sources import Number, member_source
from api.console.rows import ENDS
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.json_body import JsonBody
from api.routers import workflow
from api.schemas.members import MembersQuery, SweepMember
from api.schemas.tables import ViewQuery
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.jobs.folders import output_name
from gateway.jobs.services import CLASSES
from gateway.models import Job, JobMember, Workflow
from gateway.previews import outputs as output_previews
from gateway.settings import get_settings
from gateway.workflows import lifecycle as workflows
from gateway.workflows import sweeps

PAGE = 25
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/work/workflow/{id}/members")
def show_members(request: Request, caller: SignedIn, row_id: RowId, cursor: str = "") -> Response:
    """Show a page of the members; the run's page asks for the table alone."""
    query = validate(MembersQuery, {"cursor": cursor or None, "limit": PAGE})
    members = workflow.members_page(caller, row_id, query)
    return page(
        request,
        "parts/members.html" if "hx-request" in request.headers else "members.html",
        section="work",
        run_id=row_id,
        members=members,
        cursor=cursor,
        is_live=any(member.state not in ENDS for member in members.items),
    )


@router.get("/console/work/workflow/{id}/members/{number}")
def show_member(request: Request, caller: SignedIn, row_id: RowId, number: Number) -> Response:
    """Show a member with its parameters, its end and the plots of its results."""
    run, member = read(lambda session: _find(session, caller, row_id, number))
    return page(
        request,
        "parts/member.html" if "hx-request" in request.headers else "member.html",
        section="work",
        run_id=row_id,
        member=SweepMember.of(member),
        is_live=run.state not in ENDS,
        classes=CLASSES,
        has_own_store=bool(get_settings().store_bucket),
    )


@router.get("/console/work/workflow/{id}/members/{number}/outputs/{service}/preview")
def send_member_preview(
    caller: SignedIn, row_id: RowId, number: Number, service: str, view: ViewQuery
) -> Response:
    """Send the preview of a member's result."""
    job, member = _find_begun(caller, row_id, number)
    return JsonBody(output_previews.request_preview(job, service, view, caller.owner, member))


@router.get("/console/work/workflow/{id}/members/{number}/outputs/" + SERVICE + "/figures")
def show_member_figures(request: Request, caller: SignedIn, row_id: RowId, number: Number) -> Response:
    """Show the option figures of a member."""
    job, member = _find_begun(caller, row_id, number)
    return figures_page(request, caller, member_source(row_id, number), job, member)


def _find_begun(caller: Caller, run_id: UUID, number: str) -> tuple[Job, JobMember]:
    """Return a member whose job has begun, with the job, or raise NotFound."""
    return read(lambda session: sweeps.get_member(session, workflows.get(session, caller, run_id), number))


def _find(session: Session, caller: Caller, run_id: UUID, number: str) -> tuple[Workflow, JobMember]:
    """Return a run and a member, also before its job begins, or raise NotFound."""
    run = workflows.get(session, caller, run_id)
    found, _ = sweeps.list_members(session, run, str(int(number)), 1)
    if not found or output_name(found[0]) != number:
        raise NotFound(f"the sweep of run {run_id} has no member {number!r}")
    return run, found[0]
