"""The table of sessions: browsers that have signed in to the console."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.callers import Scope
from gateway.db import utc_now
from gateway.models.base import Base, enum_words


class ConsoleSession(Base):
    """A session of the console, of whose token only a digest is stored.

    `key_id` names the API key that opened it, whose scope and end count; it is None after a sign-in by an
    OpenID provider, whose scope was recorded.
    """

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_expires_at", "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    scope: Mapped[Scope] = mapped_column(enum_words(Scope))
    key_id: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    used_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
