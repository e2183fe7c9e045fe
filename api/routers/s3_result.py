"""`/s3_result`: a cluster file to S3."""

from functools import partial

from api.deps import Caller
from api.idempotency import Answers
from api.routers.transfer_collection import collection, s3_request
from api.row_actions import ACTION_PROBLEMS, create_row
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3ResultTransferRequest, S3ResultTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("s3_result", S3ResultTransferStatus, TransferRetry)


@router.post("", status_code=201, responses=ACTION_PROBLEMS)
def stage_out(caller: Caller, answers: Answers, body: S3ResultTransferRequest) -> S3ResultTransferStatus:
    """Accept a file for the store; poll the id until `status` is no longer `transferring`."""
    request = s3_request("s3_result", body, body.src)
    return create_row(
        lambda session: transfers.create(session, caller.owner, request),
        answers,
        partial(S3ResultTransferStatus.of, caller=caller),
    )
