"""`/s3_data`: an S3 object to the cluster."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api import rows
from api.deps import Caller, RowId, read
from api.once import Once
from api.operating import Action, HistoryEvent, Page, TransferQuery, TransferRetry
from api.problems import responses
from api.rows import Asking
from api.schemas import S3FileTransferRequest, S3FileTransferStatus
from api.transfers import s3_request, start
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


@router.post("", status_code=201, responses=responses(400, 404, 409, 422, 503))
def stage_in(caller: Caller, once: Once, body: S3FileTransferRequest) -> S3FileTransferStatus:
    """Accept an object for the cluster; poll the id until `status` is no longer `transferring`."""
    return start(caller.owner, s3_request(KIND, body, body.dst), once, S3FileTransferStatus.of)


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


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 422, 503))
def cancel_s3_data(
    find: Found, actor: Asking, once: Once, body: Action | None = None
) -> S3FileTransferStatus:
    """Stop the transfer; what has ended already is 409."""
    return rows.cancelled(find, body, actor, once, S3FileTransferStatus.of)


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 422, 503))
def retry_s3_data(
    find: Found, actor: Asking, once: Once, body: TransferRetry | None = None
) -> S3FileTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    opening = body.opening_if_any() if body else None
    return rows.retried(find, body, actor, once, S3FileTransferStatus.of, opening)
