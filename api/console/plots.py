"""Looks at data: how a staged table is understood, and the previews that the page's script draws."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response

from api.console.pages import PageRoute, page
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.json_body import JsonBody
from api.routers.tables import judge_transfer, read_preview
from api.schemas.tables import ViewQuery
from gateway.errors import GatewayError
from gateway.jobs import lifecycle as jobs
from gateway.previews import outputs as output_previews
from gateway.previews.preview import Preview
from gateway.transfers import lifecycle as transfers

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Staged = Literal["data", "s3_data"]


@router.get("/console/work/{kind}/{id}/table")
def show_table(request: Request, caller: SignedIn, kind: Staged, row_id: RowId) -> Response:
    """Show how the kernels understand a staged table; a page that updates itself asks for this part alone."""
    row = read(lambda session: transfers.get(session, caller, kind, row_id))
    template = "parts/table.html" if "hx-request" in request.headers else "table.html"
    return page(
        request,
        template,
        section="work",
        kind=kind,
        row_id=row_id,
        transfer=row,
        table=judge_transfer(row),
    )


@router.get("/console/work/{kind}/{id}/preview")
def send_table_preview(
    caller: SignedIn, kind: Staged, row_id: RowId, view: ViewQuery, *, beneath: bool = False
) -> Response:
    """Send the preview of a staged table."""
    row = read(lambda session: transfers.get(session, caller, kind, row_id))
    return _send(lambda: Preview(read_preview(row)).show(view), may_lack=beneath)


@router.get("/console/work/job/{id}/outputs/{service}/preview")
def send_output_preview(
    caller: SignedIn, row_id: RowId, service: str, view: ViewQuery, *, beneath: bool = False
) -> Response:
    """Send the preview of a result."""
    row = read(lambda session: jobs.get(session, caller, row_id))
    return _send(lambda: output_previews.request_preview(row, service, view, caller.owner), may_lack=beneath)


def _send(load: Callable[[], bytes], *, may_lack: bool) -> Response:
    """Send a preview; one that is drawn beneath another may be missing, which is no error of the page."""
    try:
        return JsonBody(load())
    except GatewayError:
        if may_lack:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        raise
