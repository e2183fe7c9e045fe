"""The sweep of a workflow: a job whose members differ in their parameters."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from gateway.errors import Invalid
from gateway.models import Job
from gateway.workflows.drafts import INPUT_KEY
from gateway.workflows.plan import JobPlan, SweepPlan

# One submission has one shape and one output folder.
_SHARED = ("num_mpi_procs", "num_thread", "root_dir", "workspace")


def merge_params(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a member: its own, merged deeply over those of the job."""
    merged = dict(base)
    for key, value in more.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_params(before, value)
        else:
            merged[key] = value
    return merged


def find_job(sweep: SweepPlan, jobs: list[JobPlan]) -> JobPlan:
    """Return the job of the sweep, or raise Invalid."""
    named = next((job for job in jobs if job.name == sweep.job), None)
    if named is None:
        raise Invalid(f"{sweep.job!r} is no job of this workflow", field="sweep.job")
    for number, params in enumerate(sweep.params):
        for key in (INPUT_KEY, *_SHARED):
            if params.get(key) is not None:
                reason = "it is set by the gateway" if key == INPUT_KEY else "all members share the job's"
                raise Invalid(f"{reason}: leave it out", field=f"sweep.params.{number}.{key}")
    return named


def create_members(_session: Session, _job: Job, _params: list[dict[str, Any]]) -> None:
    """Insert the members of the job."""
    raise Invalid("this gateway runs no sweeps yet: send one job for each member", field="sweep")
