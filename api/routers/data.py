"""`/data`: a file of a web or FTP server to the cluster."""

from typing import Annotated

from fastapi import Depends

from api import rows
from api.deps import Caller
from api.once import Once
from api.operating import Action
from api.problems import responses
from api.routers.moving import collection, finder
from api.rows import Asking
from api.schemas import FileTransferRequest, FileTransferStatus
from api.transfers import start_from_url
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "data"
Found = Annotated[rows.Find[Transfer], Depends(finder(KIND))]
router = collection(KIND, FileTransferStatus, FileTransferStatus.of)


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def fetch(caller: Caller, once: Once, body: FileTransferRequest) -> FileTransferStatus:
    """Accept a file for the cluster; poll the id until `status` is no longer `transferring`."""
    return start_from_url(caller.owner, body, once)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_data(find: Found, actor: Asking, once: Once, body: Action | None = None) -> FileTransferStatus:
    """Try a transfer that ended badly again."""
    return rows.retried(find, body, actor, once, FileTransferStatus.of)
