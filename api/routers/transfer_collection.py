"""The routes that the three collections of transfers share: start, list, status, events and cancel."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api import row_actions
from api.deps import Caller, RowId, read
from api.idempotency import Attempt, Once, Shown
from api.problems import responses
from api.row_actions import ActingCaller
from api.schemas.listing import HistoryEvent, Page, TransferQuery
from api.schemas.retries import Action
from api.schemas.transfers import (
    FileTransferRequest,
    FileTransferStatus,
    S3FileTransferRequest,
    S3ResultTransferRequest,
)
from gateway.db import session_scope
from gateway.models import Transfer
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Kind


def start_from_url(owner: str, body: FileTransferRequest, once: Attempt) -> FileTransferStatus:
    """Write the row of a transfer from a URL; its commit sends it."""
    request = transfers.UrlRequest(infrastructure=body.infrastructure, src=body.src, path=body.dst)
    with session_scope() as session:
        row = transfers.create_from_url(session, owner, request)
        return once.keep(session, FileTransferStatus.of(row), HTTPStatus.CREATED)


def s3_request(
    kind: str, body: S3FileTransferRequest | S3ResultTransferRequest, path: str
) -> transfers.S3Request:
    """Return what a body asks for."""
    return transfers.S3Request(
        kind=kind,
        infrastructure=body.infrastructure,
        endpoint=body.endpoint,
        bucket=body.bucket,
        object=body.object,
        region=body.region,
        opening=body.opening(),
        path=path,
    )


def start_transfer(
    owner: str, request: transfers.S3Request, once: Attempt, show: Callable[[Transfer], Shown]
) -> Shown:
    """Write the row of a transfer; its commit sends it."""
    with session_scope() as session:
        row = transfers.create(session, owner, request)
        return once.keep(session, show(row), HTTPStatus.CREATED)


Status = TypeVar("Status", bound=BaseModel)
Finder = Callable[[Caller, RowId], row_actions.Find[Transfer]]


def finder(kind: Kind) -> Finder:
    """Return the dependency that finds a transfer of this kind, if the caller may see it."""

    def of_caller(caller: Caller, row_id: RowId) -> row_actions.Find[Transfer]:
        def find(session: Session) -> Transfer:
            return transfers.get(session, caller, kind, row_id)

        return find

    return of_caller


def collection(kind: Kind, status: type[Status], show: Callable[[Transfer], Status]) -> APIRouter:
    """Return the router of `/<kind>` without what differs: how a transfer is begun and tried again."""
    router = APIRouter(prefix=f"/{kind}", tags=["transfers"])
    found = finder(kind)
    page: type[Page[Status]] = Page[status]  # type: ignore[valid-type]  # known when it runs

    @router.get("", name=f"list_{kind}", response_model=page, responses=responses(400, 503))
    def listed(caller: Caller, query: Annotated[TransferQuery, Query()]) -> Page[Status]:
        """List these transfers, newest first."""
        items, following, counts = row_actions.list_page(Transfer, kind, query, caller)
        return page(items=[show(row) for row in items], next=following, counts=counts)

    @router.get("/{row_id}", name=f"get_{kind}", response_model=status, responses=responses(404, 503))
    def shown(find: Annotated[row_actions.Find[Transfer], Depends(found)]) -> Status:
        """Show where the transfer stands."""
        return show(read(find))

    @router.get("/{row_id}/events", name=f"list_{kind}_events", responses=responses(404, 503))
    def events(find: Annotated[row_actions.Find[Transfer], Depends(found)]) -> list[HistoryEvent]:
        """Show everything that happened to the transfer, in order."""
        return row_actions.list_events(find)

    @router.post(
        "/{row_id}/cancel",
        name=f"cancel_{kind}",
        response_model=status,
        responses=responses(400, 404, 409, 422, 503),
    )
    def cancelled(
        find: Annotated[row_actions.Find[Transfer], Depends(found)],
        actor: ActingCaller,
        once: Once,
        body: Action | None = None,
    ) -> Status:
        """Stop the transfer; what has ended already is 409."""
        return row_actions.cancel_row(find, body, actor, once, show)

    return router
