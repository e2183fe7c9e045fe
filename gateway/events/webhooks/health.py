"""The health of the delivery of webhooks: the last sign of its process, and the messages that wait."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.events.webhooks.due import is_blocked
from gateway.models import Lease, Webhook, WebhookDelivery
from gateway.settings import get_settings

LEASE = "webhooks"
LEASE_S = 5.0
LATE_S = 30.0


@dataclass(frozen=True)
class WebhookHealth:
    """Figures of a moment: `lag_s` since the process was last there, `due_s` since the first message is due.

    `retrying` are those of the `waiting` messages that were sent before.
    """

    lag_s: float
    enabled: int
    disabled: int
    waiting: int
    retrying: int
    due_s: float

    @property
    def problem(self) -> str:
        """The sentence about a process that is missing; "" when there is one."""
        if self.lag_s <= LATE_S:
            return ""
        return f"nothing delivers webhooks for {self.lag_s:.0f} s: start `hpc-gateway worker --webhooks`"


def webhook_health(session: Session) -> WebhookHealth | None:
    """Return the figures; None where there are no enabled webhooks, or they are switched off."""
    if not get_settings().webhooks:
        return None
    total, disabled, first_at = session.execute(
        select(
            func.count(),
            func.count(Webhook.disabled_at),
            func.min(Webhook.created_at).filter(Webhook.disabled_at.is_(None)),
        )
    ).one()
    if total == disabled:
        return None
    waiting, retrying = session.execute(
        select(func.count(), func.count().filter(WebhookDelivery.attempts > 0)).where(
            WebhookDelivery.state == "pending"
        )
    ).one()
    now = session.execute(select(db_now())).scalar_one()
    lag_s, due_s = _lag_s(session, first_at, now), _due_s(session, now)
    return WebhookHealth(lag_s, total - disabled, disabled, waiting, retrying, due_s)


def _lag_s(session: Session, first_at: datetime, now: datetime) -> float:
    """Return the seconds since the process renewed its lease; without one, since there are webhooks."""
    until = session.scalar(select(Lease.until).where(Lease.name == LEASE))
    return (now - first_at).total_seconds() if until is None else (now - until).total_seconds() + LEASE_S


def _due_s(session: Session, now: datetime) -> float:
    """Return how long the first message is due whose turn it is among those of its row."""
    due = WebhookDelivery.state == "pending", WebhookDelivery.next_at <= db_now(), ~is_blocked
    first = session.scalar(select(func.min(WebhookDelivery.next_at)).where(*due))
    return 0.0 if first is None else (now - first).total_seconds()
