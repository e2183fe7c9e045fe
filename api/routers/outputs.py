"""`/job/{id}/outputs/{service}`: the download of a result by people without a store."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.deps import Caller, RowId
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.files import ResultOnItsWay
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.uploads.results import request_result

router = APIRouter(prefix="/job", tags=["jobs"], route_class=OneHopRoute)
RETRY_AFTER_S = 1
_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": ResultOnItsWay, "description": "On its way to the store: ask again after `Retry-After`."},
    307: {"description": "`Location` is a URL of the result that expires in an hour."},
}


@router.get(
    "/{id}/outputs/{service}",
    status_code=307,
    response_class=Response,
    responses=_ANSWERS | responses(404, 409, 429, 501, 503),
)
def get_output(caller: Caller, row_id: RowId, service: str) -> Response:
    """Redirect to the result of a service, once the gateway's own store has it."""
    with session_scope() as session:
        signed = request_result(session, jobs.get(session, caller, row_id), service)
    if signed is None:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return JSONResponse(ResultOnItsWay().model_dump(), 202, headers)
    return RedirectResponse(signed.url, 307, {"Cache-Control": "no-store"})
