"""Webhooks of an owner: made with a secret that is shown once, listed, rotated, disabled, deleted."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gateway.allow_list import parse_entry
from gateway.callers import Caller
from gateway.db import lock_names, utc_now
from gateway.egress.policy import check_endpoint, literal_address, port_of
from gateway.encryption import encrypt
from gateway.errors import Conflict, Forbidden, Invalid, NotFound, NotOffered
from gateway.events.cursor import end_cursor
from gateway.events.webhooks.signatures import new_secret
from gateway.events.webhooks.words import check_words
from gateway.models import Webhook, WebhookDelivery
from gateway.settings import get_settings

MOST = 10  # of an owner
OVERLAP = timedelta(hours=24)
SETTING = "GATEWAY_WEBHOOK_HOSTS"


def check_offered() -> None:
    """Raise NotOffered where the operator has switched webhooks off."""
    if not get_settings().webhooks:
        raise NotOffered("webhooks are switched off here: the operator has set GATEWAY_WEBHOOKS=false")


def check_webhook_url(url: str) -> None:
    """Raise Invalid unless the URL may be sent to, as far as its text tells: https, or a host of the list."""
    hosts = get_settings().webhook_hosts
    check_endpoint(url, hosts, "url", setting=SETTING)
    parts = urlsplit(url)
    host, port = parts.hostname or "", port_of(parts)
    address = literal_address(host)
    addresses = [] if address is None else [address]
    listed = any(
        entry.allows_name(host, port) or entry.allows_address(addresses, port)
        for entry in map(parse_entry, hosts)
    )
    if parts.scheme != "https" and not listed:
        raise Invalid(f"https:// is needed, unless the operator lists the host in {SETTING}", field="url")


def create_webhook(
    session: Session, caller: Caller, url: str, words: Sequence[str], description: str
) -> tuple[Webhook, str]:
    """Make a hook for events from now on; only this call and a rotation return its secret."""
    check_webhook_url(url)
    events = check_words(words)
    lock_names(session, [f"webhooks {caller.owner}"])
    mine = select(func.count()).select_from(Webhook).where(Webhook.owner == caller.owner)
    if (session.scalar(mine) or 0) >= MOST:
        raise Conflict(f"you have {MOST} webhooks already: delete one first")
    secret, place = new_secret(), end_cursor(session.connection())
    row = Webhook(
        owner=caller.owner,
        auth=get_settings().auth,
        key_id=caller.key_id,
        url=url,
        events=events,
        description=description,
        secret=encrypt(secret),
        xid=place.xid,
        event_id=place.event_id,
    )
    session.add(row)
    session.flush()
    return row, secret


def list_webhooks(session: Session, caller: Caller) -> Sequence[Webhook]:
    """Return the hooks that the caller may see, the oldest first."""
    found = select(Webhook).order_by(Webhook.created_at, Webhook.id)
    if caller.only_owner is not None:
        found = found.where(Webhook.owner == caller.only_owner)
    return session.scalars(found).all()


def get_webhook(session: Session, caller: Caller, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    """Return the hook of this id, or raise NotFound, also for another owner's."""
    row = session.get(Webhook, webhook_id, with_for_update=lock or None)
    if row is None or not caller.may_see(row.owner):
        raise NotFound(f"there is no webhook {webhook_id}")
    return row


def get_enabled(session: Session, caller: Caller, webhook_id: UUID) -> Webhook:
    """Return the hook for a change, or raise Conflict for a disabled one."""
    row = get_webhook(session, caller, webhook_id, lock=True)
    if row.disabled_at is not None:
        raise Conflict(f"the webhook is disabled, as {row.reason}: make a new one")
    return row


def delete_webhook(session: Session, caller: Caller, webhook_id: UUID) -> None:
    """Delete a hook with its deliveries."""
    session.delete(get_webhook(session, caller, webhook_id, lock=True))


def rotate_secret(session: Session, caller: Caller, webhook_id: UUID) -> tuple[Webhook, str]:
    """Give the hook a new secret, which its owner alone may know; the old one signs beside it for a day."""
    row, secret = get_enabled(session, caller, webhook_id), new_secret()
    if row.owner != caller.owner:
        raise Forbidden("the secret of a webhook is its owner's alone: you may delete the webhook")
    row.previous_secret, row.previous_until = row.secret, utc_now() + OVERLAP
    row.secret = encrypt(secret)
    return row, secret


def disable_webhook(session: Session, webhook_id: UUID, reason: str) -> None:
    """Disable a hook and drop its backlog."""
    disabled = update(Webhook).where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
    waiting = update(WebhookDelivery).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == "pending"
    )
    for statement in (
        disabled.values(disabled_at=utc_now(), reason=reason),
        waiting.values(state="dropped", next_at=None, reason=f"the webhook was disabled: {reason}"),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
