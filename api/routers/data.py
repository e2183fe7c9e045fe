"""`/data`: a file of a web or FTP server to the cluster."""

from typing import Annotated

from fastapi import Depends

from api import row_actions
from api.deps import Caller
from api.idempotency import Answers
from api.problems import responses
from api.routers.transfer_collection import collection, finder, start_from_url
from api.row_actions import ActingCaller
from api.schemas.retries import Action
from api.schemas.transfers import FileTransferRequest, FileTransferStatus
from gateway.models import Transfer
from gateway.work.listing import Kind

KIND: Kind = "data"
Found = Annotated[row_actions.Find[Transfer], Depends(finder(KIND))]
router = collection(KIND, FileTransferStatus, FileTransferStatus.of)


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def fetch(caller: Caller, answers: Answers, body: FileTransferRequest) -> FileTransferStatus:
    """Accept a file for the cluster; poll the id until `status` is no longer `transferring`."""
    return start_from_url(caller.owner, body, answers)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_data(
    find: Found, actor: ActingCaller, answers: Answers, body: Action | None = None
) -> FileTransferStatus:
    """Try a transfer that ended badly again."""
    return row_actions.retry_row(find, body, actor, answers, FileTransferStatus.of)
