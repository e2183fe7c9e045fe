"""`/s3_data`: an S3 object to the cluster."""

from functools import partial

from fastapi import Response

from api.acceptance import accept_row
from api.deps import Caller
from api.idempotency import RequestKey
from api.routers.tables import add_table_routes
from api.routers.transfer_collection import collection, s3_request
from api.row_actions import ACTION_PROBLEMS
from api.schemas.retries import TransferRetry
from api.schemas.transfers import S3FileTransferRequest, S3FileTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("s3_data", S3FileTransferStatus, TransferRetry)
add_table_routes(router, "s3_data")


@router.post("", status_code=201, response_model=S3FileTransferStatus, responses=ACTION_PROBLEMS)
async def stage_in(caller: Caller, key: RequestKey, body: S3FileTransferRequest) -> Response:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    request = s3_request("s3_data", body, body.dst, overwrite=body.overwrite)
    return await accept_row(
        lambda session: transfers.draft(session, caller.owner, request),
        partial(S3FileTransferStatus.json_of, caller=caller),
        key,
    )
