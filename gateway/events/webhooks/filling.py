"""Filling: the deliveries of new events, inserted in the transaction that moves the cursor behind them.

Whichever process does it, and wherever it is killed, each event becomes one delivery of each hook.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.db import due_in
from gateway.events.cursor import Cursor
from gateway.events.feed import FeedEvent, read_feed
from gateway.events.webhooks.cloud_events import event_body
from gateway.events.webhooks.hooks import disable_webhook
from gateway.events.webhooks.rights import judge_webhooks
from gateway.events.webhooks.words import selects
from gateway.models import Webhook, WebhookCursor, WebhookDelivery

BATCH = 500


def fill_deliveries(session: Session) -> bool:
    """Insert the deliveries of the next events; return whether there may be more events."""
    hooks = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None))).all()
    if not hooks:
        return False
    place = session.get_one(WebhookCursor, 1, with_for_update=True, populate_existing=True)
    before = max(Cursor(place.xid, place.event_id), min(_place(hook) for hook in hooks))
    events, after = read_feed(session.connection(), before, BATCH)
    if after == before:
        return False
    rows = list(_deliveries(events, acting_hooks(session, hooks)))
    if rows:
        session.execute(insert(WebhookDelivery).values(next_at=due_in(0)), rows)
    place.xid, place.event_id = after.xid, after.event_id
    return True


def acting_hooks(session: Session, hooks: Sequence[Webhook]) -> list[tuple[Webhook, Caller]]:
    """Return each hook with the caller for whom it acts; disable those that act for none any more."""
    acting = []
    for hook, judged in zip(hooks, judge_webhooks(session, hooks).values(), strict=True):
        if isinstance(judged, Caller):
            acting.append((hook, judged))
        else:
            disable_webhook(session, hook.id, judged)
    return acting


def _deliveries(
    events: Sequence[FeedEvent], acting: Sequence[tuple[Webhook, Caller]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows for changes of states; parts of other rows and mere notes send none."""
    for event in events:
        if event.is_part or event.from_state == event.to_state:
            continue
        wanted = [hook for hook, caller in acting if _wants(hook, caller, event)]
        body = event_body(event) if wanted else ""
        for hook in wanted:
            yield {
                "id": uuid4(),
                "webhook_id": hook.id,
                "event_id": event.cursor.event_id,
                "row_id": event.row_id,
                "row_owner": event.owner,
                "type": event.word,
                "body": body,
            }


def _wants(hook: Webhook, caller: Caller, event: FeedEvent) -> bool:
    is_new = event.cursor > _place(hook)
    return is_new and caller.may_see(event.owner) and selects(hook.events, event.kind, event.to_state)


def _place(hook: Webhook) -> Cursor:
    return Cursor(hook.xid, hook.event_id)
