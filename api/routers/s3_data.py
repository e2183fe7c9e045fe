"""`/s3_data`: an S3 object to the cluster."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api import rows
from api.deps import Caller, RowId, read
from api.operating import Action, HistoryEvent, Page, TransferQuery, TransferRetry
from api.problems import responses
from api.rows import Asking
from api.schemas import S3FileTransferRequest, S3FileTransferStatus
from api.transfers import start
from gateway import transfers
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "s3_data"
router = APIRouter(prefix="/s3_data", tags=["transfers"])


def _find(caller: Caller, row_id: RowId) -> rows.Find[Transfer]:
    def find(session: Session) -> Transfer:
        return transfers.get(session, caller, KIND, row_id)

    return find


Found = Annotated[rows.Find[Transfer], Depends(_find)]


@router.post("", status_code=201, responses=responses(400, 404, 503))
def stage_in(caller: Caller, body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    return S3FileTransferStatus.of(start(caller.owner, KIND, body, body.dst))


@router.get("", responses=responses(400, 503))
def list_s3_data(caller: Caller, query: Annotated[TransferQuery, Query()]) -> Page[S3FileTransferStatus]:
    """List these transfers, newest first."""
    items, following, counts = rows.listed(Transfer, KIND, query, caller)
    return Page(items=[S3FileTransferStatus.of(row) for row in items], next=following, counts=counts)


@router.get("/{row_id}", responses=responses(404, 503))
def get_s3_data(find: Found) -> S3FileTransferStatus:
    """Show where the transfer stands."""
    return S3FileTransferStatus.of(read(find))


@router.get("/{row_id}/events", responses=responses(404, 503))
def list_s3_data_events(find: Found) -> list[HistoryEvent]:
    """Show everything that happened to the transfer, in order."""
    return rows.events(find)


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 503))
def cancel_s3_data(find: Found, actor: Asking, body: Action | None = None) -> S3FileTransferStatus:
    """Stop the transfer; what has ended already is 409."""
    return S3FileTransferStatus.of(rows.cancelled(find, body, actor))


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 503))
def retry_s3_data(find: Found, actor: Asking, body: TransferRetry | None = None) -> S3FileTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    opening = body.opening_if_any() if body else None
    return S3FileTransferStatus.of(rows.retried(find, body, actor, opening))
