"""What the gateway answers, as typed values; fields that a newer gateway adds are let pass."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

TransferKind = Literal["data", "s3_data", "s3_result"]
TRANSFER_KINDS: tuple[TransferKind, ...] = get_args(TransferKind)
Shown = TypeVar("Shown")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Work(_Answer):
    id: UUID
    owner: str = "local"
    status: str
    state: str
    reason: str
    fault: str | None = None
    infrastructure: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    attempt: int
    next_attempt_at: datetime | None = None


class Transfer(_Work):
    """Where a transfer stands; `kind` is the collection that it belongs to."""

    kind: TransferKind
    endpoint: str = ""
    bucket: str = ""
    object: str = ""
    region: str = ""
    dst: str | None = None
    src: str | None = None
    bytes_total: int | None
    bytes_done: int

    @property
    def url(self) -> str:
        """The path of the transfer below the gateway's URL."""
        return f"/{self.kind}/{self.id}"

    @property
    def ended(self) -> bool:
        """Whether this is the end."""
        return self.status != "transferring"

    @property
    def succeeded(self) -> bool:
        """Whether every byte has arrived."""
        return self.status == "completed"


class Output(_Answer):
    """One of a job's result files; `path` is what `stage_out` takes."""

    service: str
    path: str
    bytes: int
    sha256: str


class Job(_Work):
    """Where a job stands."""

    scheduler_id: str
    success: bool | None
    exit_code: int | None
    services: list[str]
    params: dict[str, Any]
    warnings: list[str]
    outputs: list[Output]
    submitted_at: datetime | None
    started_at: datetime | None

    kind: Literal["job"] = "job"

    @property
    def url(self) -> str:
        """The path of the job below the gateway's URL."""
        return f"/job/{self.id}"

    @property
    def ended(self) -> bool:
        """Whether this is the end."""
        return self.status == "completed"

    @property
    def succeeded(self) -> bool:
        """Whether the job did what was asked."""
        return self.success is True


class Page(_Answer, Generic[Shown]):
    """A page of a collection, newest first; `next` is the cursor of the page after it."""

    items: list[Shown]
    next: str | None
    counts: dict[str, int] | None = None


class Event(_Answer):
    """One change of state in a history."""

    at: datetime
    from_state: str
    to_state: str
    attempt: int
    worker: str
    actor: str
    reason: str


class Log(_Answer):
    """A piece of what a job has written; go on from `next_offset`."""

    stream: str
    text: str
    offset: int
    next_offset: int
    size: int


class Infrastructure(_Answer):
    """A cluster."""

    name: str
    host: str
    hostname: str
    scheduler: str


class Partition(_Answer):
    """The figures of one partition."""

    name: str
    total_nodes: int
    avail_nodes: int
    total_cpus: int
    avail_cpus: int
    running_jobs: int
    queued_jobs: int


class Telemetry(Infrastructure):
    """A cluster's live figures."""

    as_of: datetime
    partitions: list[Partition]


class BulkItem(_Answer):
    """One that a bulk retry found; `refusal` says why it is left alone."""

    id: UUID
    kind: str
    refusal: str


class BulkRetried(_Answer):
    """What a bulk retry did, or would do."""

    dry_run: bool
    found: int
    retried: int
    items: list[BulkItem]
