"""The table of members: the runs of one job with different parameters, submitted together as a job array."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from gateway.errors import Fault
from gateway.models.base import Base, CleanText, enum_words
from gateway.models.scheduler_ids import scheduler_id_index
from gateway.states import JobState


class JobMember(Base):
    """A member of a job.

    `params` are its own parameters as they were sent, `changes` the understood ones in which it differs from
    its job. `run` and `array` name the array that it was submitted with, `place` its index there; `name` is
    that by which the scheduler reports it. `output_identity` is device and inode of its output folder.
    `finding` is the end that the watcher recorded; outputs and usage are read when all members have ended.
    `fault` is the class of the failure that `reason` describes.
    """

    __tablename__ = "job_members"
    __table_args__ = (scheduler_id_index("job_members"),)

    job_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[JobState] = mapped_column(enum_words(JobState), default=JobState.ACCEPTED)
    reason: Mapped[str] = mapped_column(CleanText, default="")
    fault: Mapped[Fault | None] = mapped_column(enum_words(Fault))
    params: Mapped[dict[str, Any]]
    changes: Mapped[dict[str, Any]]
    run: Mapped[int] = mapped_column(default=0)
    array: Mapped[int] = mapped_column(default=0)
    place: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(String(100), default="")
    scheduler_id: Mapped[str] = mapped_column(String(64), default="")
    output_identity: Mapped[str | None] = mapped_column(String(64))
    finding: Mapped[dict[str, Any] | None]
    exit_code: Mapped[int | None]
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    usage: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[str]] = mapped_column(default=list)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
