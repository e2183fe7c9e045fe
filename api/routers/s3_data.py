"""`/s3_data`: an S3 object to the cluster."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from api import rows
from api.deps import RowId, read
from api.operating import Action, HistoryEvent, Page, TransferQuery, TransferRetry
from api.problems import responses
from api.rows import Caller
from api.schemas import S3FileTransferRequest, S3FileTransferStatus
from api.transfers import start
from gateway import transfers
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "s3_data"
router = APIRouter(prefix="/s3_data", tags=["transfers"])


def _find(row_id: RowId) -> rows.Find[Transfer]:
    def find(session: Session) -> Transfer:
        return transfers.get(session, KIND, row_id)

    return find


@router.post("", status_code=201, responses=responses(400, 404, 503))
def stage_in(body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    return S3FileTransferStatus.of(start(KIND, body, body.dst))


@router.get("", responses=responses(400, 503))
def list_s3_data(query: Annotated[TransferQuery, Query()]) -> Page[S3FileTransferStatus]:
    """List these transfers, newest first."""
    items, following, counts = rows.listed(Transfer, KIND, query)
    return Page(items=[S3FileTransferStatus.of(row) for row in items], next=following, counts=counts)


@router.get("/{row_id}", responses=responses(404, 503))
def get_s3_data(row_id: RowId) -> S3FileTransferStatus:
    """Show where the transfer stands."""
    return S3FileTransferStatus.of(read(_find(row_id)))


@router.get("/{row_id}/events", responses=responses(404, 503))
def list_s3_data_events(row_id: RowId) -> list[HistoryEvent]:
    """Show everything that happened to the transfer, in order."""
    return rows.events(_find(row_id))


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 503))
def cancel_s3_data(row_id: RowId, caller: Caller, body: Action | None = None) -> S3FileTransferStatus:
    """Stop the transfer; what has ended already is 409."""
    return S3FileTransferStatus.of(rows.cancelled(_find(row_id), body, caller))


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 503))
def retry_s3_data(row_id: RowId, caller: Caller, body: TransferRetry | None = None) -> S3FileTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    secret = body.opening_if_any() if body else None
    return S3FileTransferStatus.of(rows.retried(_find(row_id), body, caller, secret))
