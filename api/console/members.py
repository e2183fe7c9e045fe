"""Members of a sweep: a page of them on the page of their run, all page by page, and each with its plots."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from api.console.forms import validate
from api.console.pages import PageRoute, page
from api.console.rows import ENDS
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.json_body import JsonBody
from api.routers.workflow import list_workflow_members
from api.schemas.members import MembersQuery, SweepMember
from api.schemas.tables import ViewQuery
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.jobs.folders import output_name
from gateway.jobs.services import CLASSES
from gateway.models import JobMember
from gateway.previews import outputs as output_previews
from gateway.workflows import lifecycle as workflows
from gateway.workflows import sweeps

PAGE = 25
Number = Annotated[str, Path(pattern="^[0-9]{4}$")]
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/work/workflow/{id}/members")
def show_members(request: Request, caller: SignedIn, row_id: RowId, cursor: str = "") -> Response:
    """Show a page of the members; the run's page asks for the table alone."""
    query = validate(MembersQuery, {"cursor": cursor or None, "limit": PAGE})
    members = list_workflow_members(caller, row_id, query)
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
    member = read(lambda session: _find(session, caller, row_id, number))
    return page(
        request,
        "member.html",
        section="work",
        run_id=row_id,
        member=SweepMember.of(member),
        classes=CLASSES,
    )


@router.get("/console/work/workflow/{id}/members/{number}/outputs/{service}/preview")
def send_member_preview(
    caller: SignedIn, row_id: RowId, number: Number, service: str, view: ViewQuery
) -> Response:
    """Send the preview of a member's result."""
    job, member = read(
        lambda session: sweeps.get_member(session, workflows.get(session, caller, row_id), number)
    )
    return JsonBody(output_previews.request_preview(job, service, view, caller.owner, member))


def _find(session: Session, caller: Caller, run_id: UUID, number: str) -> JobMember:
    """Return a member, also before its job begins, or raise NotFound."""
    run = workflows.get(session, caller, run_id)
    found, _ = sweeps.list_members(session, run, str(int(number)), 1)
    if not found or output_name(found[0]) != number:
        raise NotFound(f"the sweep of run {run_id} has no member {number!r}")
    return found[0]
