"""The table of the objects in the gateway's own bucket."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import utc_now
from gateway.models.base import Base


class StoredFile(Base):
    """A file that an owner uploads, or the copy of a job's result: one object below `<owner>/<id>`.

    A copy is of the result of `service` in `run` of `job_id`, and of a sweep's `member`; `transfer_id` brings
    it to the bucket.
    `upload_id` is that of the upload in parts, once its parts are signed.
    `kept_until` is put off by each use; `removed_at` is set before the object is deleted.
    """

    __tablename__ = "files"
    __table_args__ = (
        Index("ix_files_owner", "owner", "created_at"),
        Index("ix_files_kept_until", "kept_until"),
        Index("ix_files_result", "job_id", "run", "service", "member", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    bucket: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    job_id: Mapped[UUID | None]
    run: Mapped[int | None]
    service: Mapped[str | None] = mapped_column(String(64))
    member: Mapped[int] = mapped_column(default=0, server_default="0")
    transfer_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    upload_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    kept_until: Mapped[datetime]
    removed_at: Mapped[datetime | None]
