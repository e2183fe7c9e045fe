"""The routes that the three collections of transfers share: list, status, history, cancel and retry."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from api import row_actions, row_reads
from api.deps import Caller, RowId
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ACTION_PROBLEMS, ActingCaller, ActionRequest, Find
from api.schemas.listing import HistoryEvent, Page, TransferQuery
from api.schemas.retries import Action, TransferRetry
from api.schemas.transfers import S3TransferRequest, TransferStatus
from api.status_reads import STATUS_READS, STATUS_RESPONSES, Wait
from api.tags import tag_of
from gateway.errors import Invalid
from gateway.models import Transfer
from gateway.storage.address import PresignedUrl, Secret, StoredKeys
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Kind

Status = TypeVar("Status", bound=TransferStatus)
Retry = TypeVar("Retry", bound=Action)


def s3_request(
    kind: Kind, body: S3TransferRequest, path: str, *, overwrite: bool = True
) -> transfers.S3Request:
    """Return the domain's request of a body."""
    opening = body.credential()
    if body.requester_pays and isinstance(opening, PresignedUrl):
        raise Invalid("it needs keys: a presigned URL is signed with the payer", field="requester_pays")
    return transfers.S3Request(
        kind=kind,
        infrastructure=body.infrastructure,
        endpoint=body.endpoint,
        bucket=body.bucket,
        object=body.object,
        region=body.region,
        opening=opening,
        path=path,
        requester_pays=body.requester_pays,
        overwrite=overwrite,
    )


def collection(kind: Kind, status: type[Status], retry_body: type[Retry]) -> APIRouter:
    """Return the router of `/<kind>`; the collection adds the POST that starts a transfer."""
    router = APIRouter(prefix=f"/{kind}", tags=[tag_of(kind)], route_class=OneHopRoute)
    page: type[Page[Status]] = Page[status]  # type: ignore[valid-type]  # known when it runs
    finder = _finder(kind)

    async def action_request(
        find: Annotated[Find[Transfer], Depends(finder)], actor: ActingCaller, answers: Answers
    ) -> ActionRequest[Transfer]:
        return ActionRequest(find, actor, answers)

    @router.get("", name=f"list_{kind}", response_model=page, responses=responses(400, 503))
    async def list_transfers(caller: Caller, query: Annotated[TransferQuery, Query()]) -> Response:
        """List these transfers, newest first."""
        return await row_reads.list_page(kind, query, caller)

    @router.get("/{id}", name=f"get_{kind}", response_model=status, responses=STATUS_RESPONSES)
    async def get_transfer(request: Request, caller: Caller, row_id: RowId, wait: Wait = 0) -> Response:
        """Show where the transfer stands."""
        return await STATUS_READS[kind].answer(request, caller, row_id, wait)

    @router.get(
        "/{id}/events",
        name=f"list_{kind}_events",
        response_model=list[HistoryEvent],
        responses=responses(404, 503),
    )
    def list_transfer_events(caller: Caller, row_id: RowId) -> Response:
        """Show the transfer's history, in order."""
        return row_reads.list_events(kind, row_id, caller)

    @router.post("/{id}/cancel", name=f"cancel_{kind}", response_model=status, responses=ACTION_PROBLEMS)
    def cancel_transfer(
        caller: Caller,
        request: Annotated[ActionRequest[Transfer], Depends(action_request)],
        body: Action | None = None,
    ) -> Status:
        """Stop the transfer; 409 when it has ended already."""
        return row_actions.cancel_row(request, body, transfers.cancel, partial(status.of, caller=caller))

    @router.post("/{id}/retry", name=f"retry_{kind}", response_model=status, responses=ACTION_PROBLEMS)
    def retry_transfer(
        caller: Caller,
        request: Annotated[ActionRequest[Transfer], Depends(action_request)],
        body: retry_body | None = None,  # type: ignore[valid-type]  # known when it runs
    ) -> Status:
        """Retry a transfer that ended badly; an S3 transfer takes fresh credentials."""
        show = partial(status.of, caller=caller)
        return row_actions.retry_row(request, body, show, _fresh_credential(body))

    return router


def _finder(kind: Kind) -> Callable[[Caller, RowId], Awaitable[Find[Transfer]]]:
    """Return the dependency that finds a transfer of this kind, if the caller may see it."""

    async def finder(caller: Caller, row_id: RowId) -> Find[Transfer]:
        def find(session: Session) -> Transfer:
            return transfers.get(session, caller, kind, row_id)

        return find

    return finder


def _fresh_credential(body: Action | None) -> Secret | StoredKeys | None:
    return body.credential_if_any() if isinstance(body, TransferRetry) else None
