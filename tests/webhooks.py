"""Webhooks for the tests: made by the use cases, filled and delivered without a process."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from gateway.callers import LOCAL, Caller
from gateway.db import due_in, session_scope
from gateway.events.webhooks.due import WebhookMessage, find_due
from gateway.events.webhooks.filling import fill_deliveries
from gateway.events.webhooks.hooks import create_webhook
from gateway.events.webhooks.outcomes import record_outcome
from gateway.events.webhooks.sending import DeliveryOutcome, send_message
from gateway.models import Webhook, WebhookDelivery

URL = "https://portal.example.org/hooks"
DELIVERED = DeliveryOutcome(204, "", "")
FAILED = DeliveryOutcome(500, "oops", "the receiver answered 500")


def new_webhook(*words: str, url: str = URL, caller: Caller = LOCAL) -> tuple[UUID, str]:
    """Make a hook, and return its id and secret."""
    with session_scope() as session:
        row, secret = create_webhook(session, caller, url, words or ["*.*"], "")
        return row.id, secret


def fill() -> None:
    """Insert the deliveries of all events."""
    is_more = True
    while is_more:
        with session_scope() as session:
            is_more = fill_deliveries(session)


def due(*busy: int) -> list[WebhookMessage]:
    with session_scope() as session:
        return find_due(session, busy)


def record(message: WebhookMessage, outcome: DeliveryOutcome = DELIVERED) -> None:
    with session_scope() as session:
        record_outcome(session, message, outcome)


def deliver_all() -> None:
    """Deliver all that is due, one message after the other."""
    while messages := due():
        for message in messages:
            record(message, send_message(message))


def rows(webhook_id: UUID) -> list[WebhookDelivery]:
    """Return the deliveries of a hook, in order."""
    found = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    with session_scope(read_only=True) as session:
        return list(session.scalars(found.order_by(WebhookDelivery.number)))


def types(webhook_id: UUID) -> list[str]:
    return [row.type for row in rows(webhook_id)]


def hook(webhook_id: UUID) -> Webhook:
    with session_scope(read_only=True) as session:
        return session.get_one(Webhook, webhook_id)


def change(webhook_id: UUID, **values: Any) -> None:
    """Change the deliveries of a hook, to make time pass."""
    changed = update(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    with session_scope() as session:
        session.execute(changed.values(**values))


def make_due(webhook_id: UUID) -> None:
    with session_scope() as session:
        waiting = update(WebhookDelivery).where(
            WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == "pending"
        )
        session.execute(waiting.values(next_at=due_in(0)))  # the database's clock is coarser than ours
