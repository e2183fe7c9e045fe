"""`/data`: a file of a web or FTP server to the cluster."""

from functools import partial

from fastapi import Response

from api.acceptance import accept_row
from api.deps import Caller
from api.idempotency import RequestKey
from api.routers.tables import add_table_routes
from api.routers.transfer_collection import collection
from api.row_actions import ACTION_PROBLEMS
from api.schemas.retries import Action
from api.schemas.transfers import FileTransferRequest, FileTransferStatus
from gateway.transfers import lifecycle as transfers

router = collection("data", FileTransferStatus, Action)
add_table_routes(router, "data")


@router.post("", status_code=201, response_model=FileTransferStatus, responses=ACTION_PROBLEMS)
async def stage_in_from_url(caller: Caller, key: RequestKey, body: FileTransferRequest) -> Response:
    """Accept a file for the cluster; poll the id until `status` is no longer `transferring`."""
    request = transfers.UrlRequest(body.infrastructure, body.src, body.dst, overwrite=body.overwrite)
    return await accept_row(
        lambda session: transfers.draft_from_url(session, caller.owner, request),
        partial(FileTransferStatus.json_of, caller=caller),
        key,
    )
