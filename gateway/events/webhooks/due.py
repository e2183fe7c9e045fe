"""Due deliveries: of each hook the next few messages, those of one row in their order."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from gateway.callers import Caller
from gateway.db import db_now, utc_now
from gateway.events.webhooks.filling import acting_hooks
from gateway.models import Webhook, WebhookDelivery

OF_EACH_HOOK = 8
_earlier = aliased(WebhookDelivery)
_first_due = (
    select(WebhookDelivery.next_at)
    .where(WebhookDelivery.webhook_id == Webhook.id, WebhookDelivery.state == "pending")
    .order_by(WebhookDelivery.next_at)
    .limit(1)
    .scalar_subquery()
)
is_blocked = (
    select(_earlier.number)
    .where(
        _earlier.webhook_id == WebhookDelivery.webhook_id,
        _earlier.row_id == WebhookDelivery.row_id,
        _earlier.state == "pending",
        _earlier.number < WebhookDelivery.number,
    )
    .exists()
)
"""The condition that an earlier message of the same row waits, which goes first."""
_HAS_DUE = Webhook.disabled_at.is_(None), _first_due <= db_now()


@dataclass(frozen=True)
class WebhookMessage:
    """A message that is due: where it goes, its body, and the encrypted secrets that sign it."""

    number: int
    id: UUID
    webhook_id: UUID
    row_id: UUID
    owner: str
    url: str
    body: str
    attempts: int
    since: datetime
    sealed: tuple[str, ...] = field(repr=False)

    @property
    def host(self) -> str:
        """The host that it goes to."""
        return (urlsplit(self.url).hostname or "").lower()


def is_any_due(session: Session) -> bool:
    """Return whether a message of an enabled hook may be due."""
    return session.scalar(select(Webhook.id).where(*_HAS_DUE).limit(1)) is not None


def find_due(session: Session, busy: Collection[int]) -> list[WebhookMessage]:
    """Return up to some messages of each hook that are due, without those of the `busy` numbers."""
    due = session.scalars(select(Webhook).where(*_HAS_DUE)).all()
    acting = acting_hooks(session, due)
    return [message for hook, caller in acting for message in _due_of(session, hook, caller, busy)]


def _due_of(session: Session, hook: Webhook, caller: Caller, busy: Collection[int]) -> list[WebhookMessage]:
    of_hook = WebhookDelivery.webhook_id == hook.id, WebhookDelivery.state == "pending"
    found = select(WebhookDelivery).where(*of_hook, WebhookDelivery.next_at <= db_now(), ~is_blocked)
    rows = session.scalars(
        found.where(WebhookDelivery.number.not_in(busy)).order_by(WebhookDelivery.next_at).limit(OF_EACH_HOOK)
    ).all()
    hidden = [row.number for row in rows if not caller.may_see(row.row_owner)]
    if hidden:
        _drop(session, hidden)
    return [_message(hook, row) for row in rows if row.number not in hidden]


def _drop(session: Session, numbers: Collection[int]) -> None:
    """Drop messages about rows that the hook's owner may no longer see."""
    dropped = update(WebhookDelivery).where(WebhookDelivery.number.in_(numbers))
    reason = "the webhook's owner may no longer see the row"
    session.execute(dropped.values(state="dropped", next_at=None, reason=reason))


def _message(hook: Webhook, row: WebhookDelivery) -> WebhookMessage:
    overlaps = hook.previous_until is not None and hook.previous_until > utc_now()
    previous = [hook.previous_secret] if overlaps and hook.previous_secret else []
    return WebhookMessage(
        *(row.number, row.id, hook.id, row.row_id, hook.owner, hook.url),
        *(row.body, row.attempts, row.since, (hook.secret, *previous)),
    )
