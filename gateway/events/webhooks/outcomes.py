"""Outcomes of deliveries: an end, the next try after a growing pause, or the end of the hook."""

import random
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.db import due_in, utc_now
from gateway.events.webhooks.due import WebhookMessage
from gateway.events.webhooks.hooks import disable_webhook
from gateway.events.webhooks.sending import DeliveryOutcome
from gateway.models import WebhookDelivery

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 6 * 3600.0
TRIED_FOR = timedelta(days=3)


def pause_s(attempts: int) -> float:
    """Return the pause after so many attempts, without jitter."""
    return min(FIRST_PAUSE_S * 2.0 ** (attempts - 1), LONGEST_PAUSE_S)


def record_outcome(session: Session, message: WebhookMessage, outcome: DeliveryOutcome) -> None:
    """Record the outcome of an attempt, unless the delivery has changed since the message was taken."""
    row = session.get(WebhookDelivery, message.number, with_for_update=True)
    if row is None or (row.state, row.attempts, row.since) != ("pending", message.attempts, message.since):
        return
    now = utc_now()
    row.attempts, row.last_at = row.attempts + 1, now
    row.status, row.answer, row.reason = outcome.status, outcome.answer, outcome.reason
    wait_s = pause_s(row.attempts) * random.uniform(1.0, 1.2)  # noqa: S311  jitter
    if outcome.is_delivered:
        _end(session, row, "delivered")
    elif outcome.is_gone:
        disable_webhook(session, row.webhook_id, "its receiver answered 410")
        row.state, row.next_at = "failed", None
    elif now + timedelta(seconds=wait_s) > message.since + TRIED_FOR:
        row.reason = f"given up after three days: {outcome.reason}"
        _end(session, row, "failed")
    else:
        row.next_at = due_in(wait_s)
        _move_later_ones(session, row, row.next_at)


def _end(session: Session, row: WebhookDelivery, state: str) -> None:
    """End a delivery; the next message of the same row is due now."""
    row.state, row.next_at = state, None
    _move_later_ones(session, row, due_in(0))


def _move_later_ones(session: Session, row: WebhookDelivery, to: datetime) -> None:
    """Make the later messages of the same row due when their turn can come."""
    later = update(WebhookDelivery).where(
        WebhookDelivery.webhook_id == row.webhook_id,
        WebhookDelivery.row_id == row.row_id,
        WebhookDelivery.state == "pending",
        WebhookDelivery.number > row.number,
    )
    session.execute(later.values(next_at=to).execution_options(synchronize_session=False))
