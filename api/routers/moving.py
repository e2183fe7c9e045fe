"""What the three collections of transfers share: finding a row, lists, status, history and cancel."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api import rows
from api.deps import Caller, RowId, read
from api.once import Once
from api.operating import Action, HistoryEvent, Page, TransferQuery
from api.problems import responses
from api.rows import Asking
from gateway import transfers
from gateway.filters import Kind
from gateway.models import Transfer

Status = TypeVar("Status", bound=BaseModel)
Finder = Callable[[Caller, RowId], rows.Find[Transfer]]


def finder(kind: Kind) -> Finder:
    """Return the dependency that finds a transfer of this kind, if the caller may see it."""

    def of_caller(caller: Caller, row_id: RowId) -> rows.Find[Transfer]:
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
        items, following, counts = rows.listed(Transfer, kind, query, caller)
        return page(items=[show(row) for row in items], next=following, counts=counts)

    @router.get("/{row_id}", name=f"get_{kind}", response_model=status, responses=responses(404, 503))
    def shown(find: Annotated[rows.Find[Transfer], Depends(found)]) -> Status:
        """Show where the transfer stands."""
        return show(read(find))

    @router.get("/{row_id}/events", name=f"list_{kind}_events", responses=responses(404, 503))
    def events(find: Annotated[rows.Find[Transfer], Depends(found)]) -> list[HistoryEvent]:
        """Show everything that happened to the transfer, in order."""
        return rows.events(find)

    @router.post(
        "/{row_id}/cancel",
        name=f"cancel_{kind}",
        response_model=status,
        responses=responses(400, 404, 409, 422, 503),
    )
    def cancelled(
        find: Annotated[rows.Find[Transfer], Depends(found)],
        actor: Asking,
        once: Once,
        body: Action | None = None,
    ) -> Status:
        """Stop the transfer; what has ended already is 409."""
        return rows.cancelled(find, body, actor, once, show)

    return router
