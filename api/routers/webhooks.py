"""`/webhooks`: URLs that are told of events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from api.deps import Caller, RowId, parse_id, read
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.webhooks import (
    WebhookDeliveries,
    WebhookDeliveryStatus,
    WebhookRequest,
    WebhookSummary,
    WebhookWithSecret,
)
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.events.webhooks import deliveries, hooks

LARGEST_NUMBER = 2**63
LONGEST_CURSOR = len(str(LARGEST_NUMBER))


async def _offered(_caller: Caller) -> None:
    hooks.check_offered()


async def _message_id(delivery_id: Annotated[str, Path()]) -> UUID:
    return parse_id(delivery_id)


router = APIRouter(
    prefix="/webhooks",
    tags=["webhooks"],
    route_class=OneHopRoute,
    dependencies=[Depends(_offered)],
    responses=responses(501, 503),
)
Cursor = Annotated[str | None, Query(max_length=LONGEST_CURSOR, description="The `next` of the page before.")]


@router.post("", status_code=201, responses=responses(400, 409))
def add_webhook(caller: Caller, body: WebhookRequest) -> WebhookWithSecret:
    """Tell a URL of events from now on; the secret is shown once."""
    with session_scope() as session:
        row, secret = hooks.create_webhook(session, caller, body.url, body.events, body.description or "")
        return WebhookWithSecret.of(row, caller, secret=secret)


@router.get("")
def list_webhooks(caller: Caller) -> list[WebhookSummary]:
    """List webhooks, oldest first."""
    rows = read(lambda session: hooks.list_webhooks(session, caller))
    return [WebhookSummary.of(row, caller) for row in rows]


@router.get("/{id}", responses=responses(404))
def get_webhook(caller: Caller, row_id: RowId) -> WebhookSummary:
    """Show a webhook."""
    return WebhookSummary.of(read(lambda session: hooks.get_webhook(session, caller, row_id)), caller)


@router.delete("/{id}", status_code=204, responses=responses(404))
def delete_webhook(caller: Caller, row_id: RowId) -> None:
    """Delete a webhook with its deliveries."""
    with session_scope() as session:
        hooks.delete_webhook(session, caller, row_id)


@router.post("/{id}/rotate", responses=responses(403, 404, 409))
def rotate_webhook(caller: Caller, row_id: RowId) -> WebhookWithSecret:
    """Make a new secret, which is shown once; the old one signs beside it for 24 hours."""
    with session_scope() as session:
        row, secret = hooks.rotate_secret(session, caller, row_id)
        return WebhookWithSecret.of(row, caller, secret=secret)


@router.post("/{id}/test", status_code=201, responses=responses(404, 409))
def try_webhook(caller: Caller, row_id: RowId) -> WebhookDeliveryStatus:
    """Send an event `webhook.test`; its delivery tells how it fared."""
    with session_scope() as session:
        return WebhookDeliveryStatus.of(deliveries.start_trial(session, caller, row_id))


@router.get("/{id}/deliveries", responses=responses(400, 404))
def list_webhook_deliveries(
    caller: Caller, row_id: RowId, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> WebhookDeliveries:
    """List the deliveries of the last ten days, newest first."""
    before = _parse_number(cursor) if cursor else None
    rows = read(lambda session: deliveries.list_deliveries(session, caller, row_id, before, limit + 1))
    following = str(rows[limit - 1].number) if len(rows) > limit else None
    return WebhookDeliveries(items=[WebhookDeliveryStatus.of(row) for row in rows[:limit]], next=following)


@router.post("/{id}/deliveries/{delivery_id}/redeliver", responses=responses(404, 409))
def redeliver_message(
    caller: Caller, row_id: RowId, message_id: Annotated[UUID, Depends(_message_id)]
) -> WebhookDeliveryStatus:
    """Send a message again under its own `webhook-id`."""
    with session_scope() as session:
        return WebhookDeliveryStatus.of(deliveries.redeliver(session, caller, row_id, message_id))


def _parse_number(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= LONGEST_CURSOR
    if not digits or int(text) >= LARGEST_NUMBER:
        raise Invalid("use the `next` of the page before", field="cursor")
    return int(text)
