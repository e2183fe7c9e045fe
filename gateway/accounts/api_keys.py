"""API keys, `hgk_<id>_<secret>`: the id finds the row, and the row keeps only a digest of the key.

The secret is 256 random bits, so it cannot be guessed, and a plain SHA-256 is as safe as a slow hash.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.accounts.owner_names import check_owner
from gateway.callers import Caller, Scope
from gateway.db import utc_now
from gateway.errors import Conflict, Forbidden, NotFound, Unauthorized
from gateway.models import ApiKey

USE_RECORDED_EVERY = timedelta(minutes=1)
_FORM = re.compile(r"hgk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


def create_key(session: Session, owner: str, scope: Scope, lifetime: timedelta | None) -> tuple[ApiKey, str]:
    """Create a key for an owner; only this call returns its text."""
    key_id = secrets.token_hex(8)
    text = f"hgk_{key_id}_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        id=key_id,
        owner=check_owner(owner),
        scope=scope,
        digest=_digest(text),
        expires_at=utc_now() + lifetime if lifetime else None,
    )
    session.add(row)
    return row, text


def list_keys(session: Session) -> list[ApiKey]:
    """Return all keys, the oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)))


def revoke_key(session: Session, key_id: str) -> ApiKey:
    """Revoke a key now, or raise NotFound or Conflict."""
    row = session.get(ApiKey, key_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no key {key_id!r}; `hpc-gateway keys list` shows them")
    if row.revoked_at is not None:
        raise Conflict(f"the key {key_id} was revoked at {row.revoked_at.isoformat(timespec='seconds')}")
    row.revoked_at = utc_now()
    return row


def check_not_revoked(session: Session, owner: str) -> None:
    """Raise Forbidden when an owner had keys and all of them are revoked: no new work begins."""
    revoked = select(ApiKey.revoked_at.is_not(None)).where(ApiKey.owner == owner)
    found = session.scalars(revoked).all()
    if found and all(found):
        raise Forbidden(f"all keys of {owner!r} were revoked: the owner may begin no work")


def authenticate_keys(session: Session, texts: Sequence[str]) -> list[ApiKey | Unauthorized]:
    """Return the row of each key, or the error of one that is not valid; one query finds all."""
    forms = [_FORM.fullmatch(text) for text in texts]
    ids = {form[1] for form in forms if form}
    rows = {row.id: row for row in session.scalars(select(ApiKey).where(ApiKey.id.in_(ids)))} if ids else {}
    return [
        _judge(rows.get(form[1]) if form else None, text) for form, text in zip(forms, texts, strict=True)
    ]


def _judge(row: ApiKey | None, text: str) -> ApiKey | Unauthorized:
    if row is None or not hmac.compare_digest(row.digest, _digest(text)):
        return Unauthorized("this API key is not known here")
    if row.revoked_at is not None:
        return Unauthorized("this API key was revoked: ask for a new one")
    if row.expires_at is not None and row.expires_at <= utc_now():
        return Unauthorized("this API key has expired: ask for a new one")
    return row


def caller_of_key(key: ApiKey) -> Caller:
    """Return the caller whom the key identifies."""
    return Caller(key.owner, key.scope)


def is_use_outdated(key: ApiKey) -> bool:
    """Tell whether the key's last recorded use is older than a minute, to spare writes."""
    return key.last_used_at is None or utc_now() - key.last_used_at > USE_RECORDED_EVERY


def record_use(session: Session, key_id: str) -> None:
    """Record the current time as the key's last use."""
    session.get_one(ApiKey, key_id).last_used_at = utc_now()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
