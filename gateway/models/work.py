"""The tables of work: transfers and jobs. A row is the truth about its work, and its own outbox."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Index,
    String,
    Text,
    Uuid,
    and_,
    case,
    false,
    func,
    literal_column,
    null,
    select,
    text,
    true,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, column_property, mapped_column, validates

from gateway.db import due_in, utc_now
from gateway.errors import Fault
from gateway.models.base import Base, CleanText, enum_words
from gateway.models.list_indexes import list_indexes
from gateway.models.registry import Heartbeat
from gateway.models.service_bits import SERVICE_BITS, service_bits
from gateway.states import (
    BEFORE_SCHEDULER,
    JOB_MOVES,
    TRANSFER_MOVES,
    JobState,
    State,
    TransferState,
    is_final,
)


def _partial_index(table: str, column: str, *columns: str) -> Index:
    """Return the index of the few rows of an owner in which the column is set."""
    condition = text(f"{column} IS NOT NULL")
    name = f"ix_{table}_{column}"
    keys = "infrastructure", "owner", *columns
    return Index(name, *keys, postgresql_where=condition, sqlite_where=condition)


class Work:
    """The columns that transfers and jobs share: owner, claim, lease, and the times of the outbox.

    `fault` is the class of the failure that `reason` describes.
    `attempt` is raised by a retry alone; `claim` by every claim, and it fences every later write.
    `next_send_at` is when the sweeper sends the row's message again if nothing happened until then.
    `message_id` names the message that was published for the row and stands for a slot of its owner; the
    rows of a group share it. `turn_at` is since when the row waits, unpublished, for its owner's turn.
    """

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    infrastructure: Mapped[str] = mapped_column(String(63))
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
    def is_top_level(cls) -> ColumnElement[bool]:
        """Return the condition that the row belongs to no other row."""
        return true()


class Transfer(Work, Base):
    """The transfer of a file: `data` and `s3_data` to the cluster, `s3_result` back to the store.

    `upload_id` and `leftovers` tell the next try, or the clean-up, of an open upload and of temporary files.
    `resumable` is false for the listing of a prefix, and once a try has found that the next one begins again
    at the first byte.
    `verification` tells how the bytes of a completed transfer were verified, `warnings` what to mind.
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
        _partial_index("transfers", "message_id"),
        _partial_index("transfers", "turn_at", "turn_at"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[TransferState] = mapped_column(enum_words(TransferState), default=TransferState.ACCEPTED)
    endpoint: Mapped[str] = mapped_column(Text)
    bucket: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    requester_pays: Mapped[bool] = mapped_column(default=False, server_default=false())
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


WATCHED = "finding IS NULL AND state IN ('pending', 'running')"


class Job(Work, Base):
    """A job: kernels on one input, run by a scheduler.

    `services` are in order, between single spaces; `service_bits` has a bit for each, by which rows are
    searched. `finding` is the end that the watcher recorded, until `jobs.finish` has made it final and
    visible. `run` is the number of the run that the scheduler got, the attempt's unless its folders were
    taken or the attempt has grown; a later attempt may only have to read the end of that run again.
    `growths` counts the runs of the attempt that got larger resources than the run before. `control_root` is
    the control area of the runs, "" from before there was one; `output_identity` is device and inode of the
    run's output folder, recorded before the run is submitted. `heard_until` is the last time that the
    scheduler was heard of a job on which it reports no more; `watched_at` is that time or, of a watched
    job, the cluster's last look.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_next_send_at", "next_send_at"),
        Index("ix_jobs_infrastructure_state", "infrastructure", "state"),
        *list_indexes("jobs"),
        _partial_index("jobs", "message_id"),
        _partial_index("jobs", "turn_at", "turn_at"),
        Index("ix_jobs_data_folder", "infrastructure", "data_folder", "ended_at"),
        Index(
            "ix_jobs_watched",
            *("infrastructure", "cancel_requested_at", "submitted_at"),
            postgresql_where=text(WATCHED),
            sqlite_where=text(WATCHED),
        ),
    )

    state: Mapped[JobState] = mapped_column(enum_words(JobState), default=JobState.ACCEPTED)
    services: Mapped[str] = mapped_column(Text)
    service_bits: Mapped[int]
    params: Mapped[dict[str, Any]]
    warnings: Mapped[list[str]] = mapped_column(default=list)
    resources: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    usage: Mapped[dict[str, Any] | None]
    watch_period: Mapped[float]
    data_folder: Mapped[str] = mapped_column(Text)
    run: Mapped[int] = mapped_column(default=1)
    growths: Mapped[int] = mapped_column(default=0, server_default="0")
    control_root: Mapped[str] = mapped_column(Text, default="", server_default="")
    output_identity: Mapped[str | None] = mapped_column(String(64))
    scheduler_id: Mapped[str] = mapped_column(String(64), default="")
    finding: Mapped[dict[str, Any] | None]
    exit_code: Mapped[int | None]
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    heard_until: Mapped[datetime | None]
    if TYPE_CHECKING:
        watched_at: Mapped[datetime | None]

    noun = "jobs"
    states = JobState
    live, awaiting_worker = tuple(JOB_MOVES), tuple(BEFORE_SCHEDULER)
    working, retrying = JobState.SUBMITTING, JobState.RETRYING
    failed, cancelled = JobState.FAILED, JobState.CANCELLED
    interruptible = False  # the scheduler may have a job that was submitted in the last moment
    moves_bytes = False

    # Columns that transfers alone have.
    kind: ClassVar[str] = "job"
    clean_at: ClassVar[None] = None
    parent_id: ClassVar[None] = None
    children: ClassVar[None] = None
    lacks_credentials: ClassVar[bool] = False
    may_yield: ClassVar[bool] = False

    @property
    def task(self) -> str:
        """The task that takes the row one step further."""
        if self.prune_requested_at is not None:
            return "jobs.prune"
        return "jobs.finish" if self.finding else "jobs.submit"

    @classmethod
    def is_watched(cls) -> ColumnElement[bool]:
        """Return the condition that the row is in the scheduler; literal, so that an index can serve it."""
        return literal_column(f"({WATCHED})")  # of no type: SQLite would compare a boolean with 1

    @validates("services")
    def _set_service_bits(self, _name: str, services: str) -> str:
        self.service_bits = service_bits(services.split())
        return services

    @classmethod
    def has_service(cls, service: str) -> ColumnElement[bool]:
        """Return the condition that the job runs the service."""
        return cls.service_bits.bitwise_and(SERVICE_BITS.get(service, 0)) != 0

    @property
    def success(self) -> bool | None:
        """Whether the job succeeded; None until it has ended."""
        return self.state is JobState.SUCCEEDED if is_final(self.state) else None

    @property
    def name(self) -> str:
        """The run's name in the scheduler and of its folder."""
        return f"{self.id}.{self.run}"


_last_look = (
    select(Heartbeat.watched_at)
    .where(Heartbeat.infrastructure == Job.infrastructure)
    .correlate_except(Heartbeat)
    .scalar_subquery()
)
# Loaded where it is asked for: a worker's statements need no subquery.
Job.watched_at = column_property(  # after the class, whose columns it reads
    func.coalesce(Job.heard_until, case((_last_look > Job.submitted_at, _last_look), else_=Job.submitted_at)),
    deferred=True,
)


def model_of_task(task: str) -> type[Transfer | Job] | None:
    """Return the table of the rows that a task of that name works on, None when it has no rows."""
    return next((model for model in (Transfer, Job) if task.startswith(f"{model.noun}.")), None)
