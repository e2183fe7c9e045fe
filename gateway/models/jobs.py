"""The table of jobs."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import JSON, ColumnElement, Index, String, Text, case, func, literal_column, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column, validates

from gateway.models.base import Base, enum_words
from gateway.models.list_indexes import list_indexes
from gateway.models.registry import Heartbeat
from gateway.models.scheduler_ids import scheduler_id_index
from gateway.models.service_bits import SERVICE_BITS, service_bits
from gateway.models.work import Work, partial_index, step_index
from gateway.states import BEFORE_SCHEDULER, JOB_MOVES, JobState, is_final

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
    job, the cluster's last look. `member_count` is the number of members of a sweep, 0 for any other job;
    `members_left` counts those that have not ended.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_next_send_at", "next_send_at"),
        Index("ix_jobs_infrastructure_state", "infrastructure", "state"),
        *list_indexes("jobs"),
        partial_index("jobs", "message_id"),
        step_index("jobs"),
        partial_index("jobs", "turn_at", "turn_at"),
        Index("ix_jobs_data_folder", "infrastructure", "data_folder", "ended_at"),
        Index(
            "ix_jobs_watched",
            *("infrastructure", "cancel_requested_at", "submitted_at"),
            postgresql_where=text(WATCHED),
            sqlite_where=text(WATCHED),
        ),
        scheduler_id_index("jobs"),
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
    member_count: Mapped[int] = mapped_column(default=0, server_default="0")
    members_left: Mapped[int] = mapped_column(default=0, server_default="0")
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

    @classmethod
    def work_count(cls) -> ColumnElement[int]:
        """Return the number that the row counts in quotas: each unfinished member of a sweep is one."""
        return case((cls.members_left > 0, cls.members_left), else_=1)

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
