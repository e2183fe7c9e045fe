"""`/s3_result`: a cluster file to S3."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from api import rows
from api.deps import RowId, read
from api.operating import Action, HistoryEvent, Page, TransferQuery, TransferRetry
from api.problems import responses
from api.rows import Caller
from api.schemas import S3ResultTransferRequest, S3ResultTransferStatus
from api.transfers import start
from gateway import transfers
from gateway.filters import Kind
from gateway.models import Transfer

KIND: Kind = "s3_result"
router = APIRouter(prefix="/s3_result", tags=["transfers"])


def _find(row_id: RowId) -> rows.Find[Transfer]:
    def find(session: Session) -> Transfer:
        return transfers.get(session, KIND, row_id)

    return find


@router.post("", status_code=201, responses=responses(400, 404, 503))
def stage_out(body: S3ResultTransferRequest) -> S3ResultTransferStatus:
    """Accept a file for the store; poll the id until `status` is no longer `transferring`."""
    return S3ResultTransferStatus.of(start(KIND, body, body.src))


@router.get("", responses=responses(400, 503))
def list_s3_result(query: Annotated[TransferQuery, Query()]) -> Page[S3ResultTransferStatus]:
    """List these transfers, newest first."""
    items, following, counts = rows.listed(Transfer, KIND, query)
    return Page(items=[S3ResultTransferStatus.of(row) for row in items], next=following, counts=counts)


@router.get("/{row_id}", responses=responses(404, 503))
def get_s3_result(row_id: RowId) -> S3ResultTransferStatus:
    """Show where the transfer stands."""
    return S3ResultTransferStatus.of(read(_find(row_id)))


@router.get("/{row_id}/events", responses=responses(404, 503))
def list_s3_result_events(row_id: RowId) -> list[HistoryEvent]:
    """Show everything that happened to the transfer, in order."""
    return rows.events(_find(row_id))


@router.post("/{row_id}/cancel", responses=responses(400, 404, 409, 503))
def cancel_s3_result(row_id: RowId, caller: Caller, body: Action | None = None) -> S3ResultTransferStatus:
    """Stop the transfer; what has ended already is 409."""
    return S3ResultTransferStatus.of(rows.cancelled(_find(row_id), body, caller))


@router.post("/{row_id}/retry", responses=responses(400, 404, 409, 503))
def retry_s3_result(
    row_id: RowId, caller: Caller, body: TransferRetry | None = None
) -> S3ResultTransferStatus:
    """Try a transfer that ended badly again, with fresh credentials where they are sent."""
    secret = body.opening_if_any() if body else None
    return S3ResultTransferStatus.of(rows.retried(_find(row_id), body, caller, secret))
