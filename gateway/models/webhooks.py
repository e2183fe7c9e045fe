"""The tables of webhooks: the hooks, their deliveries, and the place up to which events are in deliveries."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import utc_now
from gateway.models.base import Base, CleanText

IS_PENDING = text("state = 'pending'")


class Webhook(Base):
    """A URL that an owner's events are sent to.

    `auth` and `key_id` are of the request that made it: its rights are judged by them at each delivery.
    `secret` signs; so does `previous_secret` until `previous_until`. A disabled hook has a `reason`. `xid`
    and `event_id` are the place in the order of events behind which the hook begins.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_owner", "owner", "created_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    auth: Mapped[str] = mapped_column(String(10))
    key_id: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]]
    description: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    disabled_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(CleanText, default="")
    xid: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)


class WebhookDelivery(Base):
    """One message to a hook, its own outbox: `pending` until it is `delivered`, `failed` or `dropped`.

    `number` is the order of a hook's messages; `id` is the message's `webhook-id`. `since` is when the
    attempts began: a redelivery begins anew. `event_id` is null for the message of a test.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_event"),
        UniqueConstraint("id", name="uq_webhook_deliveries_id"),
        Index("ix_webhook_deliveries_list", "webhook_id", "number"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
        Index(
            "ix_webhook_deliveries_due",
            *("webhook_id", "next_at"),
            postgresql_where=IS_PENDING,
            sqlite_where=IS_PENDING,
        ),
        Index(
            "ix_webhook_deliveries_order",
            *("webhook_id", "row_id", "number"),
            postgresql_where=IS_PENDING,
            sqlite_where=IS_PENDING,
        ),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=uuid4)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    row_id: Mapped[UUID]
    row_owner: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    since: Mapped[datetime] = mapped_column(default=utc_now)
    next_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(CleanText, default="")
    reason: Mapped[str] = mapped_column(CleanText, default="")


class WebhookCursor(Base):
    """The last event, in the order of commits, whose deliveries are inserted; the table has one row."""

    __tablename__ = "webhook_cursor"

    number: Mapped[int] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)
