"""The plan of a workflow: its request as it was understood, without secrets, and the steps that follow."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.jobs.lifecycle import WATCH_PERIOD_S
from gateway.jobs.member_params import merge_params
from gateway.jobs.resources import ResourceRequest
from gateway.models import Workflow

INPUT = "input"
TransferKind = Literal["data", "s3_data", "s3_result"]


class StorePlan(BaseModel):
    """An object of a store, or the prefix of objects; `credential_id` names stored keys."""

    endpoint: str
    bucket: str
    object: str
    region: str
    requester_pays: bool = False
    credential_id: UUID | None = None


class InputPlan(BaseModel):
    """The input: one of an object of a store, a URL, an uploaded file, and a path on the cluster."""

    s3: StorePlan | None = None
    url: str | None = None
    file: UUID | None = None
    path: str | None = None

    @property
    def source(self) -> str:
        """The field that the input is given by."""
        return next(name for name in InputPlan.model_fields if getattr(self, name) is not None)

    @property
    def kind(self) -> TransferKind:
        """The kind of the transfer that stages the input."""
        return "data" if self.url is not None else "s3_data"


class JobPlan(BaseModel):
    """One job; `extension` is that of its result files."""

    name: str
    services: list[str]
    params: dict[str, Any] = Field(default_factory=dict)
    resources: ResourceRequest = Field(default_factory=ResourceRequest)
    watch_period: float = WATCH_PERIOD_S
    input_from: str | None = None
    labels_from: str | None = None
    extension: str = "csv"

    @property
    def needs(self) -> list[str]:
        """The names of the jobs whose results this one reads."""
        return [name for name in (self.input_from, self.labels_from) if name is not None]


class SweepPlan(BaseModel):
    """The job that is a sweep, and each member's parameters that replace the job's."""

    job: str
    params: list[dict[str, Any]]


@dataclass(frozen=True)
class PlannedStep:
    """A step: its name, the kind of its row, the jobs that it follows, and whether it reads the input.

    `job` is the plan of a job, or of the job whose result is staged out; `service` names that result,
    "" all results of a sweep.
    """

    name: str
    kind: TransferKind | Literal["job"]
    needs: tuple[str, ...] = ()
    reads_input: bool = False
    job: JobPlan | None = None
    service: str = ""

    @property
    def key(self) -> tuple[bool, str]:
        """The step's place among the steps of its workflow: a job may have the name of a transfer."""
        return self.kind == "job", self.name

    @property
    def label(self) -> str:
        """The step in sentences: `input`, `job smooth`, `result smooth/fft.csv`."""
        if self.kind == "job":
            return f"job {self.name}"
        return self.name if self.job is None else f"result {self.name}"


class WorkflowPlan(BaseModel):
    """The whole plan; `folder` is where the input is staged, as clients write it."""

    input: InputPlan
    jobs: list[JobPlan]
    output: StorePlan | None = None
    sweep: SweepPlan | None = None
    check: bool = False
    folder: str = ""

    @classmethod
    def of(cls, workflow: Workflow) -> "WorkflowPlan":
        """Return the plan of a row."""
        return cls.model_validate(workflow.plan)

    def steps(self) -> list[PlannedStep]:
        """Return the steps: the input, the jobs in their order, the results."""
        return [*self._input_steps(), *map(self._job_step, self.jobs), *self._output_steps()]

    def successors(self) -> set[str]:
        """Return the names of the jobs whose results another job reads."""
        return {name for job in self.jobs for name in job.needs}

    def final_jobs(self) -> list[JobPlan]:
        """Return the jobs without a successor."""
        followed = self.successors()
        return [job for job in self.jobs if job.name not in followed]

    def work_count(self, step: "PlannedStep") -> int:
        """Return the number that a step counts in quotas: each member of a sweep counts."""
        is_sweep = step.kind == "job" and step.job is not None and self.is_swept(step.job)
        return len(self.sweep.params) if self.sweep is not None and is_sweep else 1

    def is_swept(self, job: JobPlan) -> bool:
        """Tell whether the job is the sweep, all of whose results are one step."""
        return self.sweep is not None and self.sweep.job == job.name

    def params_of(self, job: JobPlan) -> list[dict[str, Any]]:
        """Return the parameters of the job, or those of each member where it is the sweep."""
        if self.sweep is None or not self.is_swept(job):
            return [job.params]
        return [merge_params(job.params, own) for own in self.sweep.params]

    def _input_steps(self) -> list[PlannedStep]:
        return [] if self.input.path is not None else [PlannedStep(INPUT, self.input.kind)]

    @staticmethod
    def _job_step(job: JobPlan) -> PlannedStep:
        return PlannedStep(job.name, "job", tuple(job.needs), reads_input=job.input_from is None, job=job)

    def _output_steps(self) -> list[PlannedStep]:
        if self.output is None:
            return []
        return [
            PlannedStep(
                f"{job.name}/{service}.{job.extension}", "s3_result", (job.name,), job=job, service=service
            )
            for job in self.final_jobs()
            if not self.is_swept(job)
            for service in job.services
        ] + [
            PlannedStep(f"{job.name}/", "s3_result", (job.name,), job=job)
            for job in self.final_jobs()
            if self.is_swept(job)
        ]
