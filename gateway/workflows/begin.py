"""The beginning of a step: its row is drafted, admitted and inserted as that of any request."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.accounts.api_keys import check_not_revoked
from gateway.errors import Conflict, FilesystemError
from gateway.models import Job, Workflow
from gateway.settings import get_settings
from gateway.work import quotas
from gateway.work.acceptance import Draft, insert_drafts
from gateway.workflows import sweeps
from gateway.workflows.begun_steps import BegunStep, Key
from gateway.workflows.drafts import (
    INPUT_KEY,
    LABELS_KEY,
    draft_input,
    draft_job,
    draft_output,
    file_param,
)
from gateway.workflows.plan import INPUT, JobPlan, PlannedStep, StorePlan, SweepPlan, WorkflowPlan
from gateway.workflows.store_access import PlaceWithAccess, open_access


@dataclass(frozen=True)
class Beginning:
    """A step that begins, its workflow and plan, and the steps that have begun before."""

    workflow: Workflow
    plan: WorkflowPlan
    step: PlannedStep
    begun: Mapping[Key, BegunStep]

    @property
    def swept(self) -> SweepPlan | None:
        """The sweep whose job this step is."""
        job = self.step.job if self.step.kind == "job" else None
        return self.plan.sweep if job is not None and self.plan.is_swept(job) else None

    def result(self, job: str, service: str) -> str:
        """Return the path of a job's own result."""
        path = self.begun[True, job].output(service)
        if path is None:
            raise FilesystemError(f"job {job} has no result of {service}: retry it")
        return path


def begin_step(session: Session, beginning: Beginning, admission: quotas.Admission) -> None:
    """Insert the row of the step, with the owner's rights and quotas of this moment, or raise an error."""
    if get_settings().auth == "keys":
        check_not_revoked(session, beginning.workflow.owner)
    draft = _draft(session, beginning)
    row, step, sweep = draft.row, beginning.step, beginning.swept
    admission.admit(row.owner, draft.cluster, type(row), beginning.plan.work_count(step))
    row.workflow_id, row.step = beginning.workflow.id, step.name
    insert_drafts(session, [draft])
    if isinstance(row, Job) and sweep is not None and step.job is not None:
        sweeps.create_members(session, row, step.job.params, sweep)


def _draft(session: Session, beginning: Beginning) -> Draft:
    workflow, job = beginning.workflow, beginning.step.job
    if job is None:
        return _draft_input(session, beginning)
    if beginning.step.kind == "job":
        files = _files(session, beginning, job)
        return draft_job(session, workflow.owner, workflow.infrastructure, job, files)
    return _draft_output(session, beginning, job)


def _draft_input(session: Session, beginning: Beginning) -> Draft:
    workflow, plan = beginning.workflow, beginning.plan
    opening = None if plan.input.s3 is None else open_access(plan.input.s3, workflow.input_secret)
    return draft_input(session, workflow.owner, workflow.infrastructure, plan, opening)


def _draft_output(session: Session, beginning: Beginning, job: JobPlan) -> Draft:
    workflow, output = beginning.workflow, beginning.plan.output
    if output is None:
        raise Conflict("the workflow has no output")
    place = result_place(output, beginning.step.name)
    if beginning.plan.is_swept(job):
        path = sweeps.results_folder(session, beginning.begun[True, job.name].id)
    else:
        path = beginning.result(job.name, beginning.step.service)
    result = PlaceWithAccess(place, open_access(output, workflow.output_secret))
    return draft_output(session, workflow.owner, workflow.infrastructure, result, path)


def result_place(output: StorePlan, name: str) -> StorePlan:
    """Return the place of a result: its name below the workflow's object."""
    folder = output.object if output.object.endswith("/") or not output.object else f"{output.object}/"
    return output.model_copy(update={"object": f"{folder}{name}"})


def _files(session: Session, beginning: Beginning, job: JobPlan) -> dict[str, str]:
    """Return the parameters of a job that name the files of steps before it."""
    workflow, plan = beginning.workflow, beginning.plan

    def below(path: str) -> str:
        return file_param(session, workflow.owner, workflow.infrastructure, job, path)

    files: dict[str, str] = {}
    if job.input_from is not None:
        services = next(each.services for each in plan.jobs if each.name == job.input_from)
        files[INPUT_KEY] = below(beginning.result(job.input_from, services[0]))
    elif plan.input.path is not None:
        files[INPUT_KEY] = plan.input.path
    else:
        files[INPUT_KEY] = below(beginning.begun[False, INPUT].path)
    if job.labels_from is not None:
        files[LABELS_KEY] = below(beginning.result(job.labels_from, "kmean"))
    return files
