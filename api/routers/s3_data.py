"""`/s3_data`: an S3 object to the cluster."""

from functools import partial

from api.deps import Caller
from api.idempotency import Answers
from api.routers.transfer_collection import collection, s3_request
from api.row_actions import ACTION_PROBLEMS, create_row
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3FileTransferRequest, S3FileTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("s3_data", S3FileTransferStatus, TransferRetry)


@router.post("", status_code=201, responses=ACTION_PROBLEMS)
def stage_in(caller: Caller, answers: Answers, body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    request = s3_request("s3_data", body, body.dst)
    return create_row(
        lambda session: transfers.create(session, caller.owner, request),
        answers,
        partial(S3FileTransferStatus.of, caller=caller),
    )
