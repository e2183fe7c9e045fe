"""Bodies of workflows: requests and retries."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.documented import documented_as
from api.schemas.fields import AnyText, SourceUrl, Text, check_json
from api.schemas.jobs import Services
from api.schemas.retries import Action
from api.schemas.store_access import StoreAccess
from api.schemas.transfers import EXAMPLE_S3, StorePlace
from gateway.errors import Invalid
from gateway.jobs.lifecycle import WATCH_PERIOD_S
from gateway.jobs.resources import ResourceRequest
from gateway.left_out import RequestModel
from gateway.storage.address import PresignedUrl, Secret, StoredKeys
from gateway.workflows.field_errors import within_field
from gateway.workflows.plan import InputPlan, JobPlan, StorePlan, SweepPlan
from gateway.workflows.store_access import PlaceWithAccess
from gateway.workflows.validation import WorkflowRequest as ValidatedRequest

MOST_JOBS = 20
MOST_MEMBERS = 1000
ONE_OBJECT = "it is for one object: send keys or credential_id"
Name = Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
Params = Annotated[dict[str, Any], AfterValidator(check_json)]
JobParams = Annotated[Params, documented_as("WorkflowJobParams")]


class _Place(StorePlace):
    model_config = ConfigDict(extra="forbid")

    field: ClassVar[str]

    def to_request(self) -> PlaceWithAccess:
        """Return the place and the access to it; Invalid names the field in the whole request."""
        with within_field(self.field):
            opening = self.credential()
            if self.requester_pays and isinstance(opening, PresignedUrl):
                raise Invalid(
                    "it needs keys: a presigned URL is signed with the payer", field="requester_pays"
                )
        place = StorePlan(
            endpoint=self.endpoint,
            bucket=self.bucket,
            object=self.object,
            region=self.region,
            requester_pays=self.requester_pays,
        )
        return PlaceWithAccess(place, opening)


class WorkflowSource(_Place):
    """The object that is the input."""

    field = "input.s3"


class WorkflowTarget(_Place):
    """The place of the results."""

    field = "output.s3"

    object: AnyText = Field("", description="The results are written below it, as below a folder.")

    def to_request(self) -> PlaceWithAccess:
        """Return the place and the access to it: keys, as there may be many results."""
        request = super().to_request()
        if isinstance(request.opening, PresignedUrl):
            raise Invalid(ONE_OBJECT, field=f"{self.field}.presigned_url")
        return request


class WorkflowInput(RequestModel):
    """The input, by exactly one of the fields."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1})

    s3: WorkflowSource | None = None
    url: SourceUrl | None = Field(None, description="http, https or ftp.")
    file: UUID | None = Field(None, description="The id of an uploaded file.")
    path: Text | None = Field(None, description="On the cluster already: `/Init_Data/x.csv`.")

    def to_plan(self) -> InputPlan:
        """Return the plan of the input, or raise Invalid unless it has exactly one field."""
        given = [name for name in WorkflowInput.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise Invalid(f"exactly one of s3, url, file and path is needed, found {found}", field="input")
        s3 = None if self.s3 is None else self.s3.to_request().place
        return InputPlan(s3=s3, url=self.url, file=self.file, path=self.path)


class WorkflowJob(RequestModel):
    """A job of a workflow."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    services: Services
    params: JobParams = Field({}, description="As in POST /job, without `read_input_data`.")
    resources: ResourceRequest = Field(default_factory=ResourceRequest)
    watch_period: float = Field(WATCH_PERIOD_S, allow_inf_nan=False, description="As in POST /job.")
    input_from: Name | None = Field(
        None, description="The job whose single result this one reads; the input when left out."
    )
    labels_from: Name | None = Field(None, description="The `kmean` job whose labels this `knn` job takes.")


class WorkflowOutput(RequestModel):
    """The place of the results."""

    model_config = ConfigDict(extra="forbid")

    s3: WorkflowTarget


class Sweep(RequestModel):
    """A job that runs once for each of the parameters."""

    model_config = ConfigDict(extra="forbid")

    job: Name
    params: list[Params] = Field(
        min_length=1, max_length=MOST_MEMBERS, description="Of each member, merged deeply over the job's."
    )


_EXAMPLE_STORE = {name: value for name, value in EXAMPLE_S3.items() if name != "infrastructure"}


class WorkflowRequest(RequestModel):
    """An input, jobs that follow each other, and a place for their results."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "infrastructure": "demo",
                    "input": {"s3": _EXAMPLE_STORE},
                    "jobs": [
                        {"name": "smooth", "services": ["savitzky_golay"]},
                        {"name": "spectrum", "services": ["fft"], "input_from": "smooth"},
                    ],
                    "output": {"s3": _EXAMPLE_STORE | {"object": "results/"}},
                }
            ]
        },
    )

    infrastructure: Text = Field(description="Name of the cluster.")
    input: WorkflowInput
    jobs: list[WorkflowJob] = Field(min_length=1, max_length=MOST_JOBS)
    output: WorkflowOutput | None = Field(
        None, description="Results of jobs without a successor go there as `<job>/<service>.<ext>`."
    )
    sweep: Sweep | None = None
    check: bool = Field(default=False, description="Judge the staged input before a job is submitted.")
    dry_run: bool = Field(
        default=False, description="Validate the request and start nothing: 200 with the warnings."
    )

    def to_request(self) -> ValidatedRequest:
        """Return the domain's request, or raise Invalid with the field."""
        source = self.input.to_plan()
        return ValidatedRequest(
            infrastructure=self.infrastructure,
            input=source,
            jobs=[JobPlan(**dict(job)) for job in self.jobs],
            source=None if self.input.s3 is None else self.input.s3.to_request(),
            output=None if self.output is None else self.output.s3.to_request(),
            sweep=None if self.sweep is None else SweepPlan(**dict(self.sweep)),
            check=self.check,
        )


class WorkflowForecast(BaseModel):
    """The outcome of a valid request with `dry_run`."""

    dry_run: bool = True
    warnings: list[str] = Field(description="As the workflow would have them.")


class FreshAccess(StoreAccess):
    """Fresh access to a store."""

    model_config = ConfigDict(extra="forbid")


class WorkflowRetry(Action):
    """A retry of a workflow, with fresh access to its stores if the old one was wrong or is erased."""

    model_config = ConfigDict(extra="forbid")

    input: FreshAccess | None = Field(None, description="Fresh keys or URL for the input's store.")
    output: FreshAccess | None = Field(None, description="Fresh keys for the results' store.")

    def fresh_access(self) -> dict[str, Secret | StoredKeys]:
        """Return the fresh access by the field of the workflow; Invalid names the wrong field."""
        found: dict[str, Secret | StoredKeys] = {}
        for name, access in (("input", self.input), ("output", self.output)):
            with within_field(name):
                opening = access.credential_if_any() if access else None
                if name == "output" and isinstance(opening, PresignedUrl):
                    raise Invalid(ONE_OBJECT, field="presigned_url")
            if opening is not None:
                found[name] = opening
        return found
