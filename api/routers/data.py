"""`/data`: a file of a web or FTP server to the cluster."""

from functools import partial

from api.deps import Caller
from api.idempotency import Answers
from api.routers.transfer_collection import collection
from api.row_actions import ACTION_PROBLEMS, create_row
from api.schemas.retries import Action
from api.schemas.transfers import FileTransferRequest, FileTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("data", FileTransferStatus, Action)


@router.post("", status_code=201, responses=ACTION_PROBLEMS)
def stage_in_from_url(caller: Caller, answers: Answers, body: FileTransferRequest) -> FileTransferStatus:
    """Accept a file for the cluster; poll the id until `status` is no longer `transferring`."""
    request = transfers.UrlRequest(infrastructure=body.infrastructure, src=body.src, path=body.dst)
    return create_row(
        lambda session: transfers.create_from_url(session, caller.owner, request),
        answers,
        partial(FileTransferStatus.of, caller=caller),
    )
