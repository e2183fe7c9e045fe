"""Members of a sweep: a page of them on the page of their run, and all of them page by page."""

from fastapi import APIRouter, Request, Response

from api.console.forms import validate
from api.console.pages import PageRoute, page
from api.console.rows import ENDS
from api.console.visitors import SignedIn
from api.deps import RowId
from api.routers import workflow
from api.schemas.members import MembersQuery

PAGE = 25
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/work/workflow/{id}/members")
def show_members(request: Request, caller: SignedIn, row_id: RowId, cursor: str = "") -> Response:
    """Show a page of the members; the run's page asks for the table alone."""
    query = validate(MembersQuery, {"cursor": cursor or None, "limit": PAGE})
    members = workflow.page_members(caller, row_id, query)
    return page(
        request,
        "parts/members.html" if "hx-request" in request.headers else "members.html",
        section="work",
        run_id=row_id,
        members=members,
        cursor=cursor,
        is_live=any(member.state not in ENDS for member in members.items),
    )
