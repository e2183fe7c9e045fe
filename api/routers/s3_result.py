"""`/s3_result`: a cluster file to S3."""

from typing import Annotated

from fastapi import Depends

from api import row_actions
from api.deps import Caller
from api.idempotency import Answers
from api.problems import responses
from api.routers.transfer_collection import collection, finder, s3_request, start_transfer
from api.row_actions import ActingCaller
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3ResultTransferRequest, S3ResultTransferStatus
from gateway.models import Transfer
from gateway.work.listing import Kind

KIND: Kind = "s3_result"
Found = Annotated[row_actions.Find[Transfer], Depends(finder(KIND))]
router = collection(KIND, S3ResultTransferStatus, S3ResultTransferStatus.of)


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def stage_out(caller: Caller, answers: Answers, body: S3ResultTransferRequest) -> S3ResultTransferStatus:
    """Accept a file for the store; poll the id until `status` is no longer `transferring`."""
    return start_transfer(caller.owner, s3_request(KIND, body, body.src), answers, S3ResultTransferStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_s3_result(
    find: Found, actor: ActingCaller, answers: Answers, body: TransferRetry | None = None
) -> S3ResultTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    opening = body.opening_if_any() if body else None
    return row_actions.retry_row(find, body, actor, answers, S3ResultTransferStatus.of, opening)
