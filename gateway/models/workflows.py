"""The table of workflows."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import JSON, Index, String, Text, Uuid, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from gateway.db import utc_now
from gateway.errors import Fault
from gateway.models.base import Base, CleanText, enum_words
from gateway.models.jobs import Job
from gateway.models.json_objects import json_array
from gateway.models.list_indexes import list_indexes
from gateway.models.transfers import Transfer
from gateway.states import WORKFLOW_MOVES, State, WorkflowState

_CHECKING = text("check_until IS NOT NULL")


class Workflow(Base):
    """A workflow: one request whose steps are transfers and jobs with its id.

    `plan` is the request as it was understood, without secrets (gateway/workflows/plan.py). `refusals` has
    the reason of each step that could not begin. `check_until` is until when the jobs wait for the judgement
    of the input, or the steps for their cancel. `transfer_steps` and `job_steps` show the rows of the steps
    that have begun.
    """

    __tablename__ = "workflows"
    __table_args__ = (
        *list_indexes("workflows"),
        Index("ix_workflows_check_until", "check_until", postgresql_where=_CHECKING, sqlite_where=_CHECKING),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    infrastructure: Mapped[str] = mapped_column(String(63))
    state: Mapped[WorkflowState] = mapped_column(enum_words(WorkflowState), default=WorkflowState.ACCEPTED)
    reason: Mapped[str] = mapped_column(CleanText, default="")
    fault: Mapped[Fault | None] = mapped_column(enum_words(Fault))
    plan: Mapped[dict[str, Any]]
    input_secret: Mapped[str | None] = mapped_column(Text)
    output_secret: Mapped[str | None] = mapped_column(Text)
    refusals: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    warnings: Mapped[list[str]] = mapped_column(default=list)
    attempt: Mapped[int] = mapped_column(default=1)
    check_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    prune_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
    if TYPE_CHECKING:
        transfer_steps: Mapped[list[dict[str, Any]] | None]
        job_steps: Mapped[list[dict[str, Any]] | None]

    states: ClassVar[type[State]] = WorkflowState
    live: ClassVar[tuple[State, ...]] = tuple(WORKFLOW_MOVES)

    # Columns of the history that work alone has.
    claim: ClassVar[int] = 0
    worker: ClassVar[str] = ""


# Loaded where they are asked for, as a status does.
Workflow.transfer_steps = column_property(
    select(
        json_array(
            step=Transfer.step,
            kind=Transfer.kind,
            id=Transfer.id,
            state=Transfer.state,
            reason=Transfer.reason,
            bytes_total=Transfer.bytes_total,
            bytes_done=Transfer.bytes_done,
            bytes_per_s=Transfer.bytes_per_s,
            object=Transfer.object,
        )
    )
    .where(Transfer.workflow_id == Workflow.id)
    .correlate_except(Transfer)
    .scalar_subquery(),
    deferred=True,
)
Workflow.job_steps = column_property(
    select(json_array(step=Job.step, id=Job.id, state=Job.state, reason=Job.reason, outputs=Job.outputs))
    .where(Job.workflow_id == Workflow.id)
    .correlate_except(Job)
    .scalar_subquery(),
    deferred=True,
)
