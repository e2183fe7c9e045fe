"""Models of the gateway's answers; fields that a newer gateway adds are no error."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

from hpc_gateway_client.notebook import Origin, row_html

TransferKind = Literal["data", "s3_data", "s3_result"]
TRANSFER_KINDS: tuple[TransferKind, ...] = get_args(TransferKind)
TRANSFER_STATES = ("accepted", "transferring", "retrying", "completed", "failed", "cancelled")
JOB_STATES = (
    *("accepted", "submitting", "pending", "running", "retrying", "succeeded", "failed"),
    *("cancelled", "timeout", "out_of_memory", "node_failure", "lost"),
)
FAULTS = (
    *("credentials", "permission", "not_found", "name", "space", "network", "store", "filesystem"),
    *("scheduler", "input", "kernel", "limit", "node", "lost", "workers", "internal"),
)
WORKFLOW_STATES = ("accepted", "running", "succeeded", "failed", "cancelled")
Item = TypeVar("Item")


class Model(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="allow")  # `--json` shows all that the gateway has sent


class _Row(Model):
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

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        """Where the row came from; no part of its value."""
        return self._origin

    def _repr_html_(self) -> str:
        return row_html(self)


class Transfer(_Row):
    """The status of a transfer; `kind` is its collection."""

    kind: TransferKind
    endpoint: str = ""
    bucket: str = ""
    object: str = ""
    region: str = ""
    dst: str | None = None
    src: str | None = None
    bytes_total: int | None
    bytes_done: int
    bytes_per_s: int | None = None
    estimated_end_at: datetime | None = None
    verification: str = ""
    warnings: list[str] = []

    @property
    def url(self) -> str:
        """The path of the transfer below the gateway's URL."""
        return f"/{self.kind}/{self.id}"

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.status != "transferring"

    @property
    def succeeded(self) -> bool:
        """Whether every byte has arrived."""
        return self.status == "completed"


class Output(Model):
    """A result file of a job; `path` is the source of a `stage_out`."""

    service: str
    path: str
    bytes: int
    sha256: str


class _Computed(_Row):
    """The end of a row that computes: its status is `completed` at any end, and `success` tells of it."""

    success: bool | None

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.status == "completed"

    @property
    def succeeded(self) -> bool:
        """Whether the end is a success."""
        return self.success is True


class Job(_Computed):
    """The status of a job."""

    scheduler_id: str
    exit_code: int | None
    services: list[str]
    params: dict[str, Any]
    resources: dict[str, Any] = {}
    warnings: list[str]
    outputs: list[Output]
    submitted_at: datetime | None
    started_at: datetime | None
    watched_at: datetime | None = None
    usage: dict[str, Any] | None = None
    workflow_id: UUID | None = None

    kind: Literal["job"] = "job"

    @property
    def url(self) -> str:
        """The path of the job below the gateway's URL."""
        return f"/job/{self.id}"


class Step(Model):
    """A step of a workflow: a transfer or a job, once it has begun."""

    name: str
    kind: str
    id: UUID | None
    state: str
    reason: str


class WorkflowOutput(Output):
    """A result of a job of a workflow; `object` is its key in the store, once it is there."""

    job: str
    object: str | None = None

    @property
    def label(self) -> str:
        """The service, as in names of files."""
        return self.service


class Workflow(_Computed):
    """The status of a workflow."""

    warnings: list[str] = []
    steps: list[Step]
    outputs: list[WorkflowOutput]
    bytes_total: int | None
    bytes_done: int
    bytes_per_s: int | None = None

    kind: Literal["workflow"] = "workflow"

    @property
    def url(self) -> str:
        """The path of the workflow below the gateway's URL."""
        return f"/workflow/{self.id}"

    def step(self, name: str, kind: str) -> Step | None:
        """Return the step of that name, which has begun or not."""
        return next((step for step in self.steps if (step.name, step.kind) == (name, kind)), None)


class WorkflowForecast(Model):
    """The outcome of a request for a workflow with `dry_run`."""

    dry_run: bool
    warnings: list[str]


class Page(Model, Generic[Item]):
    """A page of a collection, newest first; `next` is the cursor of the page after it."""

    items: list[Item]
    next: str | None
    counts: dict[str, int] | None = None


class Event(Model):
    """A change of state in a history; one of a stream names its row, and its place as `cursor`."""

    kind: str = ""
    id: UUID | None = None
    cursor: str = ""
    at: datetime
    from_state: str
    to_state: str
    attempt: int
    worker: str
    actor: str
    reason: str


class Log(Model):
    """A piece of a job's output; the next one begins at `next_offset`."""

    stream: str
    text: str
    offset: int
    next_offset: int
    size: int


class Infrastructure(Model):
    """A cluster."""

    name: str
    host: str
    hostname: str
    scheduler: str
    reason: str = ""


class Partition(Model):
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


class BulkItem(Model):
    """A row that a bulk action found; `refusal` is the reason why it is left alone."""

    id: UUID
    kind: str
    refusal: str
    infrastructure: str = ""
    owner: str = ""
    created_at: datetime | None = None
    fault: str | None = None
    reason: str = ""


class BulkRetried(Model):
    """The outcome of a bulk retry, or its forecast with `dry_run`."""

    dry_run: bool
    found: int
    retried: int
    items: list[BulkItem]


class BulkCancelled(Model):
    """The outcome of a bulk cancel, or its forecast with `dry_run`."""

    dry_run: bool
    found: int
    cancelled: int
    items: list[BulkItem]
