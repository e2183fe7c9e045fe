"""Sessions of the console: a random token in the browser's cookie, and its digest in the database.

A session ends 12 hours after its last use, after seven days, when its browser signs out, with the API key
that opened it, and as the oldest of a hundred when its owner opens another one. One that an OpenID provider
opened ends after 12 hours: no provider reports a withdrawal.
"""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.db import utc_now
from gateway.models import ApiKey, ConsoleSession

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
LONGEST_OF_PROVIDER = timedelta(hours=12)
MOST_OF_OWNER = 100
USE_RECORDED_EVERY = timedelta(minutes=1)


def new_token() -> str:
    """Return a token of 256 random bits, in 43 characters."""
    return secrets.token_urlsafe(32)


def open_session(session: Session, caller: Caller, key: ApiKey | None) -> str:
    """Record a session of the caller and return its token; expired ones and the oldest are deleted."""
    now = utc_now()
    session.execute(delete(ConsoleSession).where(ConsoleSession.expires_at <= now))
    _delete_oldest(session, caller.owner)
    token = new_token()
    row = ConsoleSession(
        digest=_digest(token),
        owner=caller.owner,
        scope=caller.scope,
        key_id=key.id if key else None,
        created_at=now,
        used_at=now,
        expires_at=now + (LONGEST if key else LONGEST_OF_PROVIDER),
    )
    session.add(row)
    return token


def _delete_oldest(session: Session, owner: str) -> None:
    """Delete the owner's sessions that were not used for the longest time, so that there is room for one."""
    kept = select(ConsoleSession.digest).where(ConsoleSession.owner == owner)
    newest = kept.order_by(ConsoleSession.used_at.desc()).limit(MOST_OF_OWNER - 1)
    others = ConsoleSession.owner == owner, ConsoleSession.digest.not_in(newest)
    session.execute(delete(ConsoleSession).where(*others).execution_options(synchronize_session=False))


def find_session(session: Session, token: str) -> ConsoleSession | None:
    """Return the session of a token, None when there is none or it has ended."""
    row, now = session.get(ConsoleSession, _digest(token)), utc_now()
    if row is None or row.expires_at <= now or row.used_at + IDLE <= now:
        return None
    return row


def caller_of_session(session: Session, row: ConsoleSession) -> Caller | None:
    """Return the caller of a session, with its key's present scope; None when that key has ended."""
    if row.key_id is None:
        return Caller(row.owner, row.scope)
    key = session.get(ApiKey, row.key_id)
    if key is None or key.revoked_at is not None or (key.expires_at and key.expires_at <= utc_now()):
        return None
    return Caller(key.owner, key.scope, key.id)


def is_session_use_outdated(row: ConsoleSession) -> bool:
    """Tell whether the session's last recorded use is older than a minute, to spare writes."""
    return utc_now() - row.used_at > USE_RECORDED_EVERY


def record_session_use(session: Session, digest: str) -> None:
    """Record the current time as the session's last use."""
    if row := session.get(ConsoleSession, digest):
        row.used_at = utc_now()


def close_session(session: Session, token: str) -> None:
    """Delete the session of a token, if there is one."""
    session.execute(delete(ConsoleSession).where(ConsoleSession.digest == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
