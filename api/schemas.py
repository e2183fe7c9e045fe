"""The bodies of the contract: what clients send, and what they are told."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, SecretStr

from api.opening import Opening
from api.texts import LONGEST, AnySecret, AnyText, Text, encodable
from gateway.configuration import Cluster
from gateway.faults import Fault
from gateway.models import Job, Telemetry, Transfer
from gateway.resources import Wishes
from gateway.states import JOB_STATUS, TRANSFER_STATUS, JobState, TransferState

EXAMPLE_DST = "serrano/data/Init_Data/raw_data_input_fft/acceleration.csv"
EXAMPLE_S3: dict[str, JsonValue] = {
    "endpoint": "https://s3.example.org",
    "bucket": "recordings",
    "object": "2026/acceleration.csv",
    "region": "local",
    "access_key": "AKIA...",
    "secret_key": "...",
    "infrastructure": "demo",
}


class _S3Request(Opening):
    endpoint: Text = Field(description="URL of the S3 store.")
    bucket: Text
    object: Text = Field(
        description="The object's key. One that ends in `/` stands for all below it, and the path on the"
        " cluster is then a folder."
    )
    region: Text = "local"
    infrastructure: Text = Field(description="Name of the cluster.")


class FileTransferRequest(BaseModel):
    """A file of a web or FTP server to bring to the cluster."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"src": "https://example.org/a.csv", "dst": EXAMPLE_DST, "infrastructure": "demo"}]
        }
    )

    src: Text = Field(description="URL: http, https or ftp.")
    dst: Text = Field(description="Path on the cluster, from the account's home.")
    infrastructure: Text = Field(description="Name of the cluster.")


class S3FileTransferRequest(_S3Request):
    """An object to bring to the cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_S3 | {"dst": EXAMPLE_DST}]})

    dst: Text = Field(description="Path on the cluster, from the account's home.")


class S3ResultTransferRequest(_S3Request):
    """A file of the cluster to put into a store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE_S3 | {"src": "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"}]
        }
    )

    src: Text = Field(description="Path on the cluster, from the account's home.")


class _MoveStatus(BaseModel):
    id: UUID
    owner: str = Field(description="Whose it is; `local` without accounts.")
    status: Literal["transferring", "completed", "failure"]
    state: TransferState
    reason: str
    fault: Fault | None = Field(description="The class of the failure that `reason` tells of.")
    infrastructure: str
    bytes_total: int | None = Field(description="Null until the store or the cluster has told the size.")
    bytes_done: int
    bytes_per_s: int | None = Field(description="Null while nothing moves.")
    estimated_end_at: datetime | None
    parent_id: UUID | None = Field(description="The transfer of a prefix that this is a part of.")
    children: dict[str, int] | None = Field(description="Of a prefix: how many files, by state.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    attempt: int
    next_attempt_at: datetime | None = Field(description="When an automatic retry is due.")


class FileTransferStatus(_MoveStatus):
    """Where a transfer from a URL stands."""

    src: str
    dst: str

    @classmethod
    def of(cls, row: Transfer) -> "FileTransferStatus":
        """Show a row."""
        return cls(**_move(row), src=row.endpoint, dst=row.path)


class _TransferStatus(_MoveStatus):
    endpoint: str
    bucket: str
    object: str
    region: str


class S3FileTransferStatus(_TransferStatus):
    """Where a transfer to the cluster stands."""

    dst: str

    @classmethod
    def of(cls, row: Transfer) -> "S3FileTransferStatus":
        """Show a row."""
        return cls(**_transfer(row), dst=row.path)


class S3ResultTransferStatus(_TransferStatus):
    """Where a transfer to the store stands."""

    src: str

    @classmethod
    def of(cls, row: Transfer) -> "S3ResultTransferStatus":
        """Show a row."""
        return cls(**_transfer(row), src=row.path)


def _transfer(row: Transfer) -> dict[str, Any]:
    store = {name: getattr(row, name) for name in ("endpoint", "bucket", "object", "region")}
    return _move(row) | store


def _move(row: Transfer) -> dict[str, Any]:
    moves = row.state is TransferState.TRANSFERRING
    derived = {
        "status": TRANSFER_STATUS[row.state],
        "next_attempt_at": row.retry_at,
        "bytes_per_s": row.bytes_per_s if moves else None,
        "estimated_end_at": row.estimated_end_at if moves else None,
    }
    return {name: getattr(row, name) for name in _MoveStatus.model_fields.keys() - derived} | derived


class JobRequest(BaseModel):
    """Kernels to run on a file of the cluster."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "services": ["fft", "min_max"],
                    "infrastructure": "demo",
                    "params": {"read_input_data": "/Init_Data/raw_data_input_fft/acceleration.csv"},
                }
            ]
        }
    )

    services: list[Text] = Field(min_length=1, max_length=16)
    infrastructure: Text
    params: Annotated[dict[str, Any], AfterValidator(encodable)] = Field(
        description="JobRequestParams; only `read_input_data` is required."
    )
    watch_period: float | None = Field(10.0, description="Seconds: how stale the status may be.")
    resources: Wishes = Field(
        default_factory=Wishes, description="What the scheduler is asked for beside ranks and threads."
    )


class JobOutput(BaseModel):
    """One of the job's own result files."""

    service: str
    path: str = Field(description="Usable as `src` of POST /s3_result.")
    bytes: int
    sha256: str


class JobStatus(BaseModel):
    """Where a job stands."""

    id: UUID
    owner: str = Field(description="Whose it is; `local` without accounts.")
    scheduler_id: str
    infrastructure: str
    status: Literal["queued", "running", "completed"]
    state: JobState
    success: bool | None
    exit_code: int | None
    reason: str
    fault: Fault | None = Field(description="The class of the failure that `reason` tells of.")
    services: list[str]
    params: dict[str, Any]
    resources: dict[str, Any] = Field(description="What the scheduler was asked for.")
    usage: dict[str, Any] | None = Field(
        description="What the ranks used against what was asked for; null until the end."
    )
    warnings: list[str]
    outputs: list[JobOutput]
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    next_attempt_at: datetime | None = Field(description="When an automatic retry is due.")

    @classmethod
    def of(cls, row: Job) -> "JobStatus":
        """Show a row."""
        derived = {
            "status": JOB_STATUS[row.state],
            "services": row.services.split(),
            "next_attempt_at": row.retry_at,
        }
        return cls(**{name: getattr(row, name) for name in cls.model_fields.keys() - derived}, **derived)


class JobLog(BaseModel):
    """A piece of what a job has written."""

    stream: Literal["stdout", "stderr"]
    text: str = Field(description="At most 256 KiB; bytes that are not UTF-8 are replaced.")
    offset: int = Field(description="Where the text begins, in bytes.")
    next_offset: int = Field(description="Where to go on reading.")
    size: int = Field(description="How many bytes there are by now.")


class SshKey(BaseModel):
    """How the gateway logs in on the cluster."""

    type: Literal["ssh-rsa", "ssh-ed25519"] = "ssh-rsa"
    path: AnyText = ""
    password: AnySecret = Field(SecretStr(""), max_length=LONGEST)


class InfrastructureRequest(BaseModel):
    """A cluster to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "excess_slurm",
                    "host": "login.hpc.example.org",
                    "username": "gateway",
                    "hostname": "login",
                    "scheduler": "slurm",
                    "ssh_key": {"type": "ssh-ed25519", "path": "/etc/gateway/id", "password": ""},
                }
            ]
        }
    )

    name: Text
    host: Text
    username: Text
    hostname: Text
    scheduler: Literal["slurm", "pbs"]
    ssh_key: SshKey = Field(default_factory=SshKey)


class InfrastructureSummary(BaseModel):
    """A cluster, without anything that is secret about it."""

    name: str
    host: str
    hostname: str
    scheduler: str

    @classmethod
    def of(cls, cluster: Cluster) -> "InfrastructureSummary":
        """Show a cluster."""
        return cls(
            name=cluster.name, host=cluster.host, hostname=cluster.hostname, scheduler=cluster.scheduler
        )


class Partition(BaseModel):
    """The figures of one partition."""

    name: str
    total_nodes: int
    avail_nodes: int
    total_cpus: int
    avail_cpus: int
    running_jobs: int
    queued_jobs: int


class InfrastructureTelemetry(InfrastructureSummary):
    """A cluster's live figures."""

    as_of: datetime
    partitions: list[Partition]

    @classmethod
    def seen(cls, cluster: Cluster, figures: Telemetry) -> "InfrastructureTelemetry":
        """Show a cluster's figures."""
        summary = InfrastructureSummary.of(cluster).model_dump()
        return cls.model_validate(summary | {"as_of": figures.as_of, "partitions": figures.partitions})


class Service(BaseModel):
    """A service by its name."""

    name: str
