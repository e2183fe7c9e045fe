"""Downloads and plots of results: from the gateway's own bucket, and from the previews of the kernels."""

from fastapi import APIRouter, Request, Response

from api.console.pages import PageRoute, page
from api.console.visitors import SignedIn
from api.deps import RowId
from api.routers.outputs import get_output

router = APIRouter(include_in_schema=False, route_class=PageRoute)
ON_ITS_WAY = 202


@router.get("/console/work/job/{id}/outputs/{service}")
def download_output(request: Request, caller: SignedIn, row_id: RowId, service: str) -> Response:
    """Send the browser to the result, or show that it is on its way to the store."""
    answer = get_output(caller, row_id, service)
    if answer.status_code != ON_ITS_WAY:
        return answer
    return page(request, "on_its_way.html", ON_ITS_WAY, section="work", job_id=row_id, service=service)
