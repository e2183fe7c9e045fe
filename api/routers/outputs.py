"""`…/outputs/{service}` of jobs and of members of sweeps: downloads by people without a store."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.deps import Caller, RowId
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.files import ResultOnItsWay
from api.schemas.members import MemberName
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.uploads.presigning import SignedRequest
from gateway.uploads.results import ResultOwner, request_result
from gateway.workflows import lifecycle as workflows
from gateway.workflows import sweeps

router = APIRouter(route_class=OneHopRoute)
RETRY_AFTER_S = 1
_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": ResultOnItsWay, "description": "On its way to the store: ask again after `Retry-After`."},
    307: {"description": "`Location` is a URL of the result that expires in an hour."},
}
_DOWNLOAD: dict[str, Any] = {
    "status_code": 307,
    "response_class": Response,
    "responses": _ANSWERS | responses(404, 409, 429, 501, 503),
}


@router.get("/job/{id}/outputs/{service}", tags=["jobs"], **_DOWNLOAD)
def get_output(caller: Caller, row_id: RowId, service: str) -> Response:
    """Redirect to the result of a service, once the gateway's own store has it."""
    with session_scope() as session:
        owner = ResultOwner(jobs.get(session, caller, row_id))
        return _answer(request_result(session, owner, service))


@router.get("/workflow/{id}/members/{member}/outputs/{service}", tags=["workflows"], **_DOWNLOAD)
def get_member_output(caller: Caller, row_id: RowId, member: MemberName, service: str) -> Response:
    """Redirect to the result of a member of the sweep, as to that of a job."""
    with session_scope() as session:
        job, found = sweeps.get_member(session, workflows.get(session, caller, row_id), member)
        return _answer(request_result(session, ResultOwner(job, found), service))


def _answer(signed: SignedRequest | None) -> Response:
    if signed is None:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return JSONResponse(ResultOnItsWay().model_dump(), 202, headers)
    return RedirectResponse(signed.url, 307, {"Cache-Control": "no-store"})
