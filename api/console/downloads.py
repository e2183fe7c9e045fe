"""Downloads: results of jobs and of members from the gateway's own bucket, and the table of all members."""

from fastapi import APIRouter, Request, Response

from api.console.pages import PageRoute, page
from api.console.result_sources import Number, ResultSource, job_source, member_source
from api.console.visitors import SignedIn
from api.deps import RowId
from api.routers.outputs import get_member_output, get_output
from api.routers.workflow import members_table

router = APIRouter(include_in_schema=False, route_class=PageRoute)
ON_ITS_WAY = 202


@router.get("/console/work/job/{id}/outputs/{service}")
def download_output(request: Request, caller: SignedIn, row_id: RowId, service: str) -> Response:
    """Send the browser to the result of a job."""
    return _show(request, job_source(row_id), service, get_output(caller, row_id, service))


@router.get("/console/work/workflow/{id}/members/{number}/outputs/{service}")
def download_member_output(
    request: Request, caller: SignedIn, row_id: RowId, number: Number, service: str
) -> Response:
    """Send the browser to the result of a member."""
    source = member_source(row_id, number)
    return _show(request, source, service, get_member_output(caller, row_id, number, service))


@router.get("/console/work/workflow/{id}/members.csv")
def download_members(caller: SignedIn, row_id: RowId) -> Response:
    """Send the table of all members."""
    return members_table(caller, row_id)


def _show(request: Request, source: ResultSource, service: str, answer: Response) -> Response:
    """Return the way to the result, or the page that it is on its way to the store."""
    if answer.status_code != ON_ITS_WAY:
        return answer
    return page(request, "on_its_way.html", ON_ITS_WAY, section="work", source=source, service=service)
