"""Bodies of the jobs: requests, statuses, outputs and logs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.fields import Text, encodable
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
    params: Annotated[dict[str, Any], AfterValidator(encodable)] = Field(
        description="JobRequestParams; only `read_input_data` is required."
    )
    watch_period: float | None = Field(10.0, description="Seconds: how stale the status may be.")
    resources: ResourceRequest = Field(
        default_factory=ResourceRequest,
        description="What the scheduler is asked for beside ranks and threads.",
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


class Service(BaseModel):
    """A service by its name."""

    name: str
