"""`/s3_data`: an S3 object to the cluster."""

from typing import Annotated

from fastapi import Depends

from api import rows
from api.deps import Caller
from api.once import Once
from api.operating import TransferRetry
from api.problems import responses
from api.routers.moving import collection, finder
from api.rows import Asking
from api.schemas import S3FileTransferRequest, S3FileTransferStatus
from api.transfers import s3_request, start
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "s3_data"
Found = Annotated[rows.Find[Transfer], Depends(finder(KIND))]
router = collection(KIND, S3FileTransferStatus, S3FileTransferStatus.of)


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def stage_in(caller: Caller, once: Once, body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    return start(caller.owner, s3_request(KIND, body, body.dst), once, S3FileTransferStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_s3_data(
    find: Found, actor: Asking, once: Once, body: TransferRetry | None = None
) -> S3FileTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    opening = body.opening_if_any() if body else None
    return rows.retried(find, body, actor, once, S3FileTransferStatus.of, opening)
