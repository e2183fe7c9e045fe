"""Validation of a request for a workflow: the whole of it, before the first row is written."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.paths import client_path
from gateway.errors import Invalid
from gateway.jobs.services import RESULT_FILES
from gateway.models import Job, Workflow
from gateway.workflows import sweeps
from gateway.workflows.drafts import INPUT_KEY, draft_input, draft_job, draft_output
from gateway.workflows.field_errors import within_field
from gateway.workflows.graph import check_graph
from gateway.workflows.plan import InputPlan, JobPlan, SweepPlan, WorkflowPlan
from gateway.workflows.store_access import PlaceWithAccess, seal_access

FOLDER = "Init_Data/workflows"
_STAND_IN = f"/{FOLDER}/input.csv"
_UNREADABLE = "arrow"  # the kernels write it and do not read it


@dataclass(frozen=True)
class WorkflowRequest:
    """A request for a workflow; `source` is the store of an input that is an object."""

    infrastructure: str
    input: InputPlan
    jobs: list[JobPlan]
    source: PlaceWithAccess | None = None
    output: PlaceWithAccess | None = None
    sweep: SweepPlan | None = None
    check: bool = False


@dataclass
class _Checked:
    """Results of the validation so far: the jobs as they were understood, and warnings."""

    jobs: list[JobPlan] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    data_folder: PurePosixPath | None = None


def draft_workflow(session: Session, owner: str, request: WorkflowRequest) -> Workflow:
    """Return the row of a valid request, which is not inserted yet, or raise Invalid or NotFound."""
    cluster = catalog.get_cluster(session, request.infrastructure)
    check_graph(request.jobs, request.sweep)
    checked = _check_jobs(session, owner, request)
    checked.warnings += [f"sweep: {text}" for text in _check_sweep(session, owner, request)]
    workflow = Workflow(id=uuid4(), owner=owner, infrastructure=cluster.name, warnings=checked.warnings)
    folder = _input_folder(cluster, owner, workflow.id, checked)
    plan = WorkflowPlan(
        input=request.input, jobs=checked.jobs, sweep=request.sweep, check=request.check, folder=folder
    )
    if request.source is not None:
        plan.input.s3, workflow.input_secret = seal_access(request.source)
    if request.output is not None:
        plan.output, workflow.output_secret = seal_access(request.output)
    _check_transfers(session, owner, request, plan)
    workflow.plan = plan.model_dump(mode="json")
    return workflow


def _check_jobs(session: Session, owner: str, request: WorkflowRequest) -> _Checked:
    checked = _Checked()
    for number, job in enumerate(request.jobs):
        row = _check_job(session, owner, request, job, f"jobs.{number}")
        checked.jobs.append(job.model_copy(update={"extension": row.params["output_format"]}))
        checked.warnings += [f"job {job.name}: {text}" for text in row.warnings]
        if checked.data_folder is None and job.input_from is None:
            checked.data_folder = PurePosixPath(row.data_folder)
    formats = {job.name: job.extension for job in checked.jobs}
    for number, job in enumerate(request.jobs):
        if job.input_from is not None and formats[job.input_from] == _UNREADABLE:
            reason = f"{job.input_from!r} writes {_UNREADABLE}, which the kernels do not read: choose parquet"
            raise Invalid(reason, field=f"jobs.{number}.input_from")
    return checked


def _check_job(session: Session, owner: str, request: WorkflowRequest, job: JobPlan, place: str) -> Job:
    """Return the draft of a job, with a stand-in for an input that is not on the cluster yet."""
    given = request.input.path if job.input_from is None else None
    try:
        row = draft_job(session, owner, request.infrastructure, job, {INPUT_KEY: given or _STAND_IN}).row
    except Invalid as error:
        if error.field == f"params.{INPUT_KEY}":
            detail = error.detail.removeprefix(f"{error.field}: ")
            raise Invalid(detail, field="input.path") from error
        with within_field(place):
            raise
    if not isinstance(row, Job):
        raise TypeError(type(row))
    return row


def _check_sweep(session: Session, owner: str, request: WorkflowRequest) -> list[str]:
    """Check the parameters of each member as if it were a job; return the warnings."""
    if request.sweep is None:
        return []
    job = sweeps.find_job(request.sweep, request.jobs)
    row = draft_job(session, owner, request.infrastructure, job, {INPUT_KEY: _STAND_IN}).row
    if not isinstance(row, Job):
        raise TypeError(type(row))
    return sweeps.check_members(session, row, job.params, request.sweep)


def _input_folder(cluster: Cluster, owner: str, workflow_id: UUID, checked: _Checked) -> str:
    """Return the folder of the staged input, below the data of the first job that reads it."""
    if checked.data_folder is None:  # a job without `input_from` is in every graph without a circle
        raise Invalid("no job reads the input", field="jobs")
    folder = checked.data_folder / FOLDER / str(workflow_id)
    return f"{client_path(folder, owner_roots(cluster, owner).home)}/"


def _check_transfers(session: Session, owner: str, request: WorkflowRequest, plan: WorkflowPlan) -> None:
    """Check the transfer of the input, and that of one result for all: they differ in the last names."""
    if request.input.path is None:
        opening = request.source.opening if request.source else None
        if request.source is not None and request.source.place.object.endswith("/"):
            raise Invalid("one object is needed, not all below a prefix", field="input.s3.object")
        draft_input(session, owner, request.infrastructure, plan, opening)
    if request.output is not None:
        data = plan.folder.partition(FOLDER)[0]
        path = f"{data}Output_Data/{RESULT_FILES['fft']}"
        draft_output(session, owner, request.infrastructure, request.output, path)
