"""The table of judgements: how the kernels understand a staged table, and its preview."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import utc_now
from gateway.models.base import Base, CleanText, enum_words
from gateway.states import JudgementState

_OPEN = text("ended_at IS NULL")


class JudgedTable(Base):
    """The judgement of the table that a transfer has staged.

    `understood` is the kernels' document, `problem` the first problem in their words, `reason` why the table
    is unknown. A row that has not ended is work for a judge of its cluster, also where the beginning of the
    table is `known` already; `claim` counts the judges that took it, each until `lease_until`.
    """

    __tablename__ = "judgements"
    __table_args__ = (
        Index(
            "ix_judgements_open",
            *("infrastructure", "created_at"),
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
    )

    transfer_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("transfers.id", ondelete="CASCADE"), primary_key=True
    )
    infrastructure: Mapped[str] = mapped_column(String(63))
    state: Mapped[JudgementState] = mapped_column(enum_words(JudgementState), default=JudgementState.JUDGING)
    understood: Mapped[dict[str, Any] | None]
    problem: Mapped[str] = mapped_column(CleanText, default="")
    reason: Mapped[str] = mapped_column(CleanText, default="")
    preview: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    claim: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
