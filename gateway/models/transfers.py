"""The table of transfers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Index, String, Text, and_, case, false, null, text, true
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import due_in
from gateway.models.base import Base, CleanText, enum_words
from gateway.models.list_indexes import list_indexes
from gateway.models.work import Work, partial_index, step_index
from gateway.states import TRANSFER_MOVES, TransferState


class Transfer(Work, Base):
    """The transfer of a file: `data` and `s3_data` to the cluster, `s3_result` back to the store.

    `upload_id` and `leftovers` tell the next try, or the clean-up, of an open upload and of temporary files.
    `resumable` is false for the listing of a prefix, and once a try has found that the next one begins again
    at the first byte.
    `verification` tells how the bytes of a completed transfer were verified, `warnings` name its risks.
    An `object` that ends in `/` stands for all below it: once its `children` (their number by state) are
    inserted, each of them is a row of its own with this row as `parent_id`, and this row only sums them up.
    """

    __tablename__ = "transfers"
    __table_args__ = (
        Index("ix_transfers_next_send_at", "next_send_at"),
        Index("ix_transfers_infrastructure_state", "infrastructure", "state", "kind"),
        *list_indexes("transfers"),
        Index(
            "ix_transfers_kept_credentials",
            "ended_at",
            postgresql_where=text("credentials IS NOT NULL"),
            sqlite_where=text("credentials IS NOT NULL"),
        ),
        partial_index("transfers", "message_id"),
        step_index("transfers"),
        partial_index("transfers", "turn_at", "turn_at"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[TransferState] = mapped_column(enum_words(TransferState), default=TransferState.ACCEPTED)
    endpoint: Mapped[str] = mapped_column(Text)
    bucket: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    requester_pays: Mapped[bool] = mapped_column(default=False, server_default=false())
    overwrite: Mapped[bool] = mapped_column(default=True, server_default=true())
    credentials: Mapped[str | None] = mapped_column(Text)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes_per_s: Mapped[int | None] = mapped_column(BigInteger)
    estimated_end_at: Mapped[datetime | None]
    upload_id: Mapped[str] = mapped_column(Text, default="")
    leftovers: Mapped[bool] = mapped_column(default=False)
    resumable: Mapped[bool] = mapped_column(default=True, server_default=true())
    verification: Mapped[str] = mapped_column(CleanText, default="", server_default="")
    warnings: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    parent_id: Mapped[UUID | None]
    children: Mapped[dict[str, Any] | None]

    noun = "transfers"
    states = TransferState
    live = awaiting_worker = tuple(TRANSFER_MOVES)
    working, retrying = TransferState.TRANSFERRING, TransferState.RETRYING
    failed, cancelled = TransferState.FAILED, TransferState.CANCELLED
    interruptible = moves_bytes = True

    @property
    def task(self) -> str:
        """The task that takes the row one step further."""
        if self.prune_requested_at is not None:
            return "transfers.prune"
        return "transfers.run" if self.ended_at is None else "transfers.clean"

    @classmethod
    def is_childless(cls) -> ColumnElement[bool]:
        """Return the condition that the row stands for one file."""
        return cls.children.is_(None)

    @classmethod
    def is_top_level(cls) -> ColumnElement[bool]:
        """Return the condition that the row is no child of a prefix."""
        return cls.parent_id.is_(None)

    @property
    def lacks_credentials(self) -> bool:
        """Whether the row needs credentials and they are erased."""
        return self.kind != "data" and self.credentials is None

    @hybrid_property
    def may_yield(self) -> bool:
        """Whether a worker may hand the work back: it goes on where it was. A clean-up begins again."""
        return self.resumable and self.ended_at is None

    @may_yield.inplace.expression
    @classmethod
    def _may_yield(cls) -> ColumnElement[bool]:
        return and_(cls.resumable, cls.ended_at.is_(None))

    @hybrid_property
    def clean_at(self) -> datetime | None:
        """When an ended row is sent for the removal of its leftovers: at once, or never."""
        return due_in(0) if self.leftovers else None

    @clean_at.inplace.expression
    @classmethod
    def _clean_at(cls) -> ColumnElement[datetime | None]:
        return case((cls.leftovers, due_in(0)), else_=null())

    @hybrid_property
    def cleaning_credentials(self) -> str | None:
        """Credentials that outlive a cancel: the clean-up aborts an upload with them."""
        return self.credentials if self.kind == "s3_result" and self.leftovers else None

    @cleaning_credentials.inplace.expression
    @classmethod
    def _cleaning_credentials(cls) -> ColumnElement[str | None]:
        return case((and_(cls.kind == "s3_result", cls.leftovers), cls.credentials), else_=null())
