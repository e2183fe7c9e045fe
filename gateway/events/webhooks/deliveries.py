"""Deliveries of a webhook as its owner sees them: pages, tests, redeliveries; they are kept ten days."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.db import db_now, due_in, utc_now
from gateway.errors import Conflict, NotFound
from gateway.events.webhooks.cloud_events import TEST, trial_body
from gateway.events.webhooks.hooks import get_enabled, get_webhook
from gateway.models import WebhookDelivery

KEPT_S = 10 * 86400.0
PRUNED_AT_ONCE = 1000


def list_deliveries(
    session: Session, caller: Caller, webhook_id: UUID, before: int | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Return the hook's deliveries whose numbers are below `before`, newest first."""
    get_webhook(session, caller, webhook_id)
    found = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if before is not None:
        found = found.where(WebhookDelivery.number < before)
    return session.scalars(found.order_by(WebhookDelivery.number.desc()).limit(limit)).all()


def start_trial(session: Session, caller: Caller, webhook_id: UUID) -> WebhookDelivery:
    """Send a test to the hook, or raise Conflict while an earlier one is under way."""
    hook = get_enabled(session, caller, webhook_id)
    waiting = select(WebhookDelivery.number).where(
        WebhookDelivery.webhook_id == hook.id,
        WebhookDelivery.row_id == hook.id,
        WebhookDelivery.state == "pending",
    )
    if session.scalar(waiting.limit(1)) is not None:
        raise Conflict("an earlier test of this webhook is still under way: see its deliveries")
    message_id = uuid4()
    row = WebhookDelivery(
        id=message_id,
        webhook_id=hook.id,
        row_id=hook.id,
        row_owner=hook.owner,
        type=TEST,
        body=trial_body(message_id, hook.id),
        next_at=due_in(0),
    )
    session.add(row)
    session.flush()
    return row


def redeliver(session: Session, caller: Caller, webhook_id: UUID, message_id: UUID) -> WebhookDelivery:
    """Send a message again, now, under its own `webhook-id`."""
    hook = get_enabled(session, caller, webhook_id)
    found = select(WebhookDelivery).where(
        WebhookDelivery.webhook_id == hook.id, WebhookDelivery.id == message_id
    )
    row = session.scalars(found.with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"the webhook has no delivery {message_id}; deliveries are kept ten days")
    row.state, row.attempts, row.reason = "pending", 0, ""
    row.since, row.next_at = utc_now(), due_in(0)
    session.flush()
    session.refresh(row)
    return row


def prune_deliveries(session: Session) -> int:
    """Delete deliveries of more than ten days ago, some at a time; return their number."""
    old = select(WebhookDelivery.number).where(WebhookDelivery.created_at < db_now(-KEPT_S))
    numbers = session.scalars(old.limit(PRUNED_AT_ONCE)).all()
    if numbers:
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.number.in_(numbers)))
    return len(numbers)
