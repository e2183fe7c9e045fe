"""`/files`: uploads of people without a store, by presigned URLs of the gateway's own bucket."""

from http import HTTPStatus

from fastapi import APIRouter

from api.deps import Caller, RowId, read
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.files import FileParts, FileRequest, FileStatus, PartsRequest
from gateway.db import session_scope
from gateway.uploads import files

router = APIRouter(prefix="/files", tags=["files"], route_class=OneHopRoute)


@router.post("", status_code=201, responses=responses(400, 409, 422, 501, 503))
def upload_file(caller: Caller, answers: Answers, body: FileRequest) -> FileStatus:
    """Accept a file of that size, and return the request that uploads it to the store within an hour."""
    with answers.acquired(), session_scope() as session:
        row = files.accept_file(session, caller.owner, body.name, body.size)
        return answers.store(session, FileStatus.of(row), HTTPStatus.CREATED)


@router.get("/{id}", responses=responses(404, 501, 503))
def get_file(caller: Caller, row_id: RowId) -> FileStatus:
    """Show a file with a fresh URL for its upload; a file is removed after a day without use."""
    return FileStatus.of(read(lambda session: files.find_file(session, caller, row_id)))


@router.post("/{id}/parts", responses=responses(400, 404, 409, 501, 503))
def upload_parts(caller: Caller, row_id: RowId, body: PartsRequest) -> FileParts:
    """Return fresh URLs for the parts of a file above 5 GiB, whose upload has been started."""
    with session_scope() as session:
        row = files.find_file(session, caller, row_id, lock=True)
        return FileParts.of(files.sign_parts(row, body.upload_id))
