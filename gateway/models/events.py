"""The tables of the history: events, and the mark of those that prune has deleted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from gateway.db import utc_now
from gateway.models.base import Base, CleanText


class current_xid(FunctionElement[int]):  # noqa: N801  it reads as the SQL function that it is
    """The number of the current transaction; 0 on SQLite, whose single writer commits in the order of ids."""

    type = BigInteger()
    inherit_cache = True


@compiles(current_xid, "sqlite")
def _sqlite_xid(_element: current_xid, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "0"


@compiles(current_xid, "postgresql")
def _postgresql_xid(_element: current_xid, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


class Event(Base):
    """One change of a row's state, written in the transaction that made it.

    `actor` is the person or program that asked for it; empty when the gateway itself changed the row. `xid`
    and `id` together are the event's place in the order of commits (gateway/events/cursor.py).
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_work_id", "work_id", "id"),
        Index("ix_events_order", "xid", "id"),
        {"sqlite_autoincrement": True},  # the id of a pruned event is never given again
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=current_xid())
    work_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(default=utc_now)
    from_state: Mapped[str] = mapped_column(String(20))
    to_state: Mapped[str] = mapped_column(String(20))
    attempt: Mapped[int]
    claim: Mapped[int]
    worker: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(CleanText(255), default="")
    reason: Mapped[str] = mapped_column(CleanText)


class PrunedEvents(Base):
    """The last event, in the order of commits, that prune has deleted; the table has one row."""

    __tablename__ = "pruned_events"

    number: Mapped[int] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)
