"""Bodies of the jobs: requests, statuses, outputs and logs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.codes import JobStatusCode, ServiceName
from api.schemas.documented import documented_as
from api.schemas.fields import Text, check_json
from api.schemas.job_params import FILTERS
from api.schemas.row_status import RowStatus
from gateway.callers import Caller
from gateway.errors import Fault
from gateway.jobs.resources import ResourceRequest
from gateway.left_out import RequestModel
from gateway.states import JOB_ENDS, JOB_STATUS, JobState

Services = Annotated[
    list[Annotated[Text, documented_as("ServiceName")]],
    Field(
        min_length=1,
        max_length=16,
        description="Services of one class: signal processing (any number together), `knn`, or `kmean`.",
        json_schema_extra={
            "uniqueItems": True,
            "if": {"minItems": 2},
            "then": {"items": {"enum": [*FILTERS]}},
        },
    ),
]


class JobRequest(RequestModel):
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

    services: Services
    infrastructure: Text
    params: Annotated[dict[str, Any], AfterValidator(check_json), documented_as("JobRequestParams")]
    watch_period: float = Field(
        10.0,
        allow_inf_nan=False,
        description="Seconds: the largest age of the status; 0 is the default, less than 1 is raised to 1.",
    )
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


_RENAMED = {"status": "state", "success": "state", "next_attempt_at": "retry_at"}


class JobStatus(RowStatus):
    """Where a job stands."""

    renamed = _RENAMED
    untagged = frozenset({"watched_at"})  # it moves with every look

    id: UUID
    owner: str = Field(description="The owner; `local` without accounts.")
    workflow_id: UUID | None = Field(description="The workflow that this is a step of.")
    scheduler_id: str
    infrastructure: str
    status: JobStatusCode
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
    def derive(cls, values: dict[str, Any], caller: Caller) -> None:  # noqa: ARG003  the same for all callers
        """Replace the columns by the fields that are made of them."""
        state = values["state"]
        values["status"] = JOB_STATUS[state]
        values["success"] = state == JobState.SUCCEEDED if state in JOB_ENDS else None
        values["services"] = values["services"].split()


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

    name: ServiceName
