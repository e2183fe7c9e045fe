"""The columns of work, which transfers and jobs share: a row is the truth, and its own outbox."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Index, String, Uuid, literal, text, true
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import utc_now
from gateway.errors import Fault
from gateway.models.base import CleanText, enum_words
from gateway.states import State


def partial_index(table: str, column: str, *columns: str) -> Index:
    """Return the index of the few rows of an owner in which the column is set."""
    condition = text(f"{column} IS NOT NULL")
    name = f"ix_{table}_{column}"
    keys = "infrastructure", "owner", *columns
    return Index(name, *keys, postgresql_where=condition, sqlite_where=condition)


def step_index(table: str) -> Index:
    """Return the index that lets a workflow have each of its steps once."""
    condition = text("workflow_id IS NOT NULL")
    name = f"ix_{table}_workflow_id"
    keys = "workflow_id", "step"
    return Index(name, *keys, unique=True, postgresql_where=condition, sqlite_where=condition)


class Work:
    """The columns that transfers and jobs share: owner, claim, lease, and the times of the outbox.

    `definition` is the revision of a cluster that was added over REST, as it was when the row began.
    `fault` is the class of the failure that `reason` describes.
    `attempt` is raised by a retry alone; `claim` by every claim, and it fences every later write.
    `failures` counts those of the attempt and, of an ended row, those of the removal of its files.
    `next_send_at` is when the sweeper sends the row's message again if nothing happened until then.
    `message_id` names the message that was published for the row and stands for a slot of its owner; the
    rows of a group share it. `turn_at` is since when the row waits, unpublished, for its owner's turn.
    `workflow_id` and `step` name the workflow of which the row is a step, and the step's name in it.
    """

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    infrastructure: Mapped[str] = mapped_column(String(63))
    definition: Mapped[int | None]
    reason: Mapped[str] = mapped_column(CleanText, default="")
    fault: Mapped[Fault | None] = mapped_column(enum_words(Fault))
    attempt: Mapped[int] = mapped_column(default=1)
    claim: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str] = mapped_column(String(255), default="")
    lease_until: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    next_send_at: Mapped[datetime | None]
    sends: Mapped[int] = mapped_column(default=0)
    message_id: Mapped[UUID | None]
    turn_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    workflow_id: Mapped[UUID | None]
    step: Mapped[str | None] = mapped_column(String(100))
    prune_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    queued_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]

    noun: ClassVar[str]
    states: ClassVar[type[State]]
    live: ClassVar[tuple[State, ...]]
    """The states that are not final."""
    awaiting_worker: ClassVar[tuple[State, ...]]
    """The states that only a worker of the cluster can end."""
    working: ClassVar[State]
    """The state from the claim to the end of a worker's attempt."""
    retrying: ClassVar[State]
    failed: ClassVar[State]
    cancelled: ClassVar[State]
    interruptible: ClassVar[bool]
    """Whether a worker may stop in the middle, for a cancel or because it is shut down."""
    moves_bytes: ClassVar[bool]
    """Whether the row's work is long: its messages have a queue and worker processes of their own."""

    @property
    def task(self) -> str:
        """The task that takes the row one step further."""
        raise NotImplementedError

    @classmethod
    def is_childless(cls) -> ColumnElement[bool]:
        """Return the condition that the row has no rows below it."""
        return true()

    @classmethod
    def work_count(cls) -> ColumnElement[int]:
        """Return the number that the row counts in quotas."""
        return literal(1)

    @classmethod
    def is_top_level(cls) -> ColumnElement[bool]:
        """Return the condition that the row belongs to no other row."""
        return true()
