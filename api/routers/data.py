"""`/data`: a file of a web or FTP server to the cluster."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api import rows
from api.deps import Caller, RowId, read
from api.once import Once
from api.operating import Action, HistoryEvent, Page, TransferQuery
from api.problems import responses
from api.rows import Asking
from api.schemas import FileTransferRequest, FileTransferStatus
from api.transfers import start_from_url
from gateway import transfers
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "data"
router = APIRouter(prefix="/data", tags=["transfers"])


def _find(caller: Caller, row_id: RowId) -> rows.Find[Transfer]:
    def find(session: Session) -> Transfer:
        return transfers.get(session, caller, KIND, row_id)

    return find


Found = Annotated[rows.Find[Transfer], Depends(_find)]


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def fetch(caller: Caller, once: Once, body: FileTransferRequest) -> FileTransferStatus:
    """Accept a file for the cluster; poll the id until `status` is no longer `transferring`."""
    return start_from_url(caller.owner, body, once)


@router.get("", responses=responses(400, 503))
def list_data(caller: Caller, query: Annotated[TransferQuery, Query()]) -> Page[FileTransferStatus]:
    """List these transfers, newest first."""
    items, following, counts = rows.listed(Transfer, KIND, query, caller)
    return Page(items=[FileTransferStatus.of(row) for row in items], next=following, counts=counts)


@router.get("/{row_id}", responses=responses(404, 503))
def get_data(find: Found) -> FileTransferStatus:
    """Show where the transfer stands."""
    return FileTransferStatus.of(read(find))


@router.get("/{row_id}/events", responses=responses(404, 503))
def list_data_events(find: Found) -> list[HistoryEvent]:
    """Show everything that happened to the transfer, in order."""
    return rows.events(find)


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 422, 503))
def cancel_data(find: Found, actor: Asking, once: Once, body: Action | None = None) -> FileTransferStatus:
    """Stop the transfer; what has ended already is 409."""
    return rows.cancelled(find, body, actor, once, FileTransferStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_data(find: Found, actor: Asking, once: Once, body: Action | None = None) -> FileTransferStatus:
    """Try a transfer that ended badly again."""
    return rows.retried(find, body, actor, once, FileTransferStatus.of)
