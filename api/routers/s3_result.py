"""`/s3_result`: a cluster file to S3."""

from functools import partial

from fastapi import Response

from api.acceptance import accept_row
from api.deps import Caller
from api.idempotency import RequestKey
from api.routers.transfer_collection import collection, s3_request
from api.row_actions import ACTION_PROBLEMS
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3ResultTransferRequest, S3ResultTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("s3_result", S3ResultTransferStatus, TransferRetry)


@router.post("", status_code=201, response_model=S3ResultTransferStatus, responses=ACTION_PROBLEMS)
async def stage_out(caller: Caller, key: RequestKey, body: S3ResultTransferRequest) -> Response:
    """Accept a file for the store; poll the id until `status` is no longer `transferring`."""
    request = s3_request("s3_result", body, body.src)
    return await accept_row(
        lambda session: transfers.draft(session, caller.owner, request),
        partial(S3ResultTransferStatus.json_of, caller=caller),
        key,
    )
