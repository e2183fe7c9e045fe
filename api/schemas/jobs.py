"""Bodies of the jobs: requests, statuses, outputs and logs."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.fields import Text, check_json
from gateway.errors import Fault
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job
from gateway.states import JOB_STATUS, JobState


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
    params: Annotated[dict[str, Any], AfterValidator(check_json)] = Field(
        description="JobRequestParams; only `read_input_data` is required."
    )
    watch_period: float | None = Field(10.0, description="Seconds: the largest age of the status.")
    resources: ResourceRequest = Field(
        default_factory=ResourceRequest,
        description="Requests to the scheduler beside ranks and threads.",
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
    owner: str = Field(description="The owner; `local` without accounts.")
    scheduler_id: str
    infrastructure: str
    status: Literal["queued", "running", "completed"]
    state: JobState
    success: bool | None
    exit_code: int | None
    reason: str
    fault: Fault | None = Field(description="The class of the failure; `reason` has the details.")
    services: list[str]
    params: dict[str, Any]
    resources: dict[str, Any] = Field(description="The resources that the scheduler was asked for.")
    usage: dict[str, Any] | None = Field(
        description="The resources that the ranks used, beside those requested; null until the end."
    )
    warnings: list[str]
    outputs: list[JobOutput]
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    watched_at: datetime | None = Field(
        description="When the scheduler was last heard of the job; null before its submission."
    )
    attempt: int
    next_attempt_at: datetime | None = Field(description="When an automatic retry is due.")

    @classmethod
    def of(cls, row: Job) -> Self:
        """Show a row."""
        derived = {
            "status": JOB_STATUS[row.state],
            "services": row.services.split(),
            "next_attempt_at": row.retry_at,
            "watched_at": row.watched_at if row.submitted_at or row.heard_until else None,
        }
        return cls(**{name: getattr(row, name) for name in cls.model_fields.keys() - derived}, **derived)


class JobLog(BaseModel):
    """A part of a job's output, as text."""

    model_config = ConfigDict(from_attributes=True)

    stream: Literal["stdout", "stderr"]
    text: str = Field(description="At most 256 KiB; bytes that are not UTF-8 are replaced.")
    offset: int = Field(description="First byte of the text.")
    next_offset: int = Field(description="First byte after the text.")
    size: int = Field(description="Number of bytes so far.")


class Service(BaseModel):
    """A service that a job can run."""

    name: str
