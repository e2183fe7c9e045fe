"""The sweep of a workflow: its members, and the transfer of all their results to one place."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.paths import client_path
from gateway.errors import Invalid, NotFound
from gateway.jobs import members
from gateway.jobs.folders import output_folder, output_name
from gateway.jobs.member_params import MOST_MEMBERS, understand_members
from gateway.jobs.member_table import TABLE
from gateway.models import Job, JobMember, Transfer, Workflow
from gateway.models.base import fill_defaults
from gateway.states import JobState
from gateway.transfers.prefixes import PrefixEntry
from gateway.workflows.drafts import INPUT_KEY, LABELS_KEY
from gateway.workflows.field_errors import within_field
from gateway.workflows.plan import JobPlan, SweepPlan, WorkflowPlan

Params = Mapping[str, Any]
LONGEST_NAME = 4


def find_job(sweep: SweepPlan, jobs: list[JobPlan]) -> JobPlan:
    """Return the job of the sweep, or raise Invalid."""
    named = next((job for job in jobs if job.name == sweep.job), None)
    if named is None:
        raise Invalid(f"{sweep.job!r} is no job of this workflow", field="sweep.job")
    return named


def check_members(session: Session, job: Job, params: Params, sweep: SweepPlan) -> list[str]:
    """Check the parameters of each member as if it were a job; return the warnings.

    `job` is the draft of the swept job, `params` are its parameters as they were sent.
    """
    with within_field("sweep.params"):
        return understand_members(session, job, _base(job, params), sweep.params).warnings


def create_members(session: Session, job: Job, params: Params, sweep: SweepPlan) -> None:
    """Insert the members of the job, whose row was just inserted."""
    with within_field("sweep.params"):
        members.insert_members(session, job, sweep.params, _base(job, params))


def _base(job: Job, params: Params) -> dict[str, Any]:
    """Return the parameters over which those of a member are merged, with the files that the gateway sets."""
    files = {key: job.params[key] for key in (INPUT_KEY, LABELS_KEY)}
    return {**params, **files}


def results_folder(session: Session, job_id: UUID) -> str:
    """Return the folder of the results of the job's run, as clients write it."""
    job = session.get_one(Job, job_id)
    cluster = catalog.get_cluster(session, job.infrastructure)
    return client_path(output_folder(job), owner_roots(cluster, job.owner).home)


def are_results(row: Transfer) -> bool:
    """Tell whether the transfer is of all results of a sweep."""
    return row.workflow_id is not None and row.kind == "s3_result" and row.object.endswith("/")


def list_results(session: Session, row: Transfer) -> list[PrefixEntry]:
    """Return the files of a transfer of a sweep's results: each member's, and the table of all members.

    Members that an earlier attempt ran have theirs in its folder.
    """
    found = select(Job).where(Job.workflow_id == row.workflow_id, Job.step == str(row.step).rstrip("/"))
    job = session.scalars(found).one()
    entries = [
        PrefixEntry(f"{output_name(member)}/{_file_name(output)}", output["bytes"], output["path"])
        for member in members.load_members(session, job.id)
        if member.state is JobState.SUCCEEDED
        for output in member.outputs
    ]
    table = PrefixEntry(TABLE, 0, f"{results_folder(session, job.id)}/{TABLE}")
    return [*entries, table]


def _file_name(output: Mapping[str, Any]) -> str:
    return f"{output['service']}.{str(output['path']).rpartition('.')[2]}"


def list_members(
    session: Session, workflow: Workflow, cursor: str | None, limit: int
) -> tuple[list[JobMember], str | None]:
    """Return a page of the sweep's members, also before its job begins.

    Raises
    ------
    NotFound
        When the workflow has no sweep.
    """
    sweep = _get_sweep(workflow)
    if (job_id := _find_job_id(session, workflow, sweep)) is not None:
        return members.list_page(session, job_id, cursor, limit)
    first = members.decode_cursor(cursor)
    planned = [_planned(number, params) for number, params in enumerate(sweep.params)]
    return planned[first : first + limit], str(first + limit) if first + limit < len(planned) else None


def list_all(session: Session, workflow: Workflow) -> list[JobMember]:
    """Return all members of the sweep, or raise NotFound for a workflow without one."""
    return list_members(session, workflow, None, MOST_MEMBERS)[0]


def get_member(session: Session, workflow: Workflow, name: str) -> JobMember:
    """Return the member of the sweep whose name is its number, or raise NotFound."""
    job_id = _find_job_id(session, workflow, _get_sweep(workflow))
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= LONGEST_NAME else MOST_MEMBERS
    found = None if job_id is None else session.get(JobMember, (job_id, number))
    if found is None:
        raise NotFound(f"workflow {workflow.id} has no member {name!r} yet; they are called 0000, 0001, ...")
    return found


def _get_sweep(workflow: Workflow) -> SweepPlan:
    sweep = WorkflowPlan.of(workflow).sweep
    if sweep is None:
        raise NotFound(f"workflow {workflow.id} has no sweep")
    return sweep


def _find_job_id(session: Session, workflow: Workflow, sweep: SweepPlan) -> UUID | None:
    """Return the id of the sweep's job, once it has begun."""
    return session.scalar(select(Job.id).where(Job.workflow_id == workflow.id, Job.step == sweep.job))


def _planned(number: int, params: Params) -> JobMember:
    """Return a member whose job has not begun."""
    row = JobMember(number=number, params=dict(params), changes={})
    fill_defaults(row)
    return row
