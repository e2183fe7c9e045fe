"""`/s3_data`: an S3 object to the cluster."""

from typing import Annotated

from fastapi import Depends

from api import row_actions
from api.deps import Caller
from api.idempotency import Answers
from api.problems import responses
from api.routers.transfer_collection import collection, finder, s3_request, start_transfer
from api.row_actions import ActingCaller
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3FileTransferRequest, S3FileTransferStatus
from gateway.models import Transfer
from gateway.work.listing import Kind

KIND: Kind = "s3_data"
Found = Annotated[row_actions.Find[Transfer], Depends(finder(KIND))]
router = collection(KIND, S3FileTransferStatus, S3FileTransferStatus.of)


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def stage_in(caller: Caller, answers: Answers, body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    return start_transfer(caller.owner, s3_request(KIND, body, body.dst), answers, S3FileTransferStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_s3_data(
    find: Found, actor: ActingCaller, answers: Answers, body: TransferRetry | None = None
) -> S3FileTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    opening = body.opening_if_any() if body else None
    return row_actions.retry_row(find, body, actor, answers, S3FileTransferStatus.of, opening)
