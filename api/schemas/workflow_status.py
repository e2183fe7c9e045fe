"""The status of a workflow: its steps and results from the rows that have begun, in the order of the plan."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_core import from_json

from api.schemas.codes import WorkflowStatusCode
from api.schemas.jobs import JobOutput
from api.schemas.row_status import RowStatus
from gateway.callers import Caller
from gateway.errors import Fault
from gateway.states import WORKFLOW_ENDS, WORKFLOW_STATUS, WorkflowState
from gateway.workflows.plan import WorkflowPlan


class WorkflowStep(BaseModel):
    """A step: a transfer or a job, which its own call shows in full."""

    name: str
    kind: Literal["data", "s3_data", "s3_result", "job"]
    id: UUID | None = Field(description="Null until the step begins.")
    state: str = Field(description="The row's state; `waiting` before it, `skipped` when it never came.")
    reason: str


class WorkflowResult(JobOutput):
    """A result file of a job, and the object that it was staged out to."""

    job: str
    object: str | None = Field(description="Key in the store of `output`, once it is there.")


_RENAMED = {
    "status": "state",
    "success": "state",
    "steps": "plan",
    "outputs": "refusals",
    "bytes_total": "transfer_steps",
    "bytes_done": "job_steps",
    "bytes_per_s": "fault",
}


class WorkflowStatus(RowStatus):
    """Where a workflow stands."""

    renamed = _RENAMED

    id: UUID
    owner: str = Field(description="The owner; `local` without accounts.")
    infrastructure: str
    status: WorkflowStatusCode
    state: WorkflowState
    success: bool | None
    reason: str
    fault: Fault | None = Field(description="The class of the failure; `reason` has the details.")
    warnings: list[str]
    steps: list[WorkflowStep]
    outputs: list[WorkflowResult]
    bytes_total: int | None = Field(description="Of all transfers; null until the sizes are known.")
    bytes_done: int
    bytes_per_s: int | None = Field(description="Null while nothing moves.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    attempt: int

    @classmethod
    def derive(cls, values: dict[str, Any], caller: Caller) -> None:  # noqa: ARG003  the same for all callers
        """Replace the columns by the fields that are made of them."""
        state = values["state"]
        values["status"] = WORKFLOW_STATUS[state]
        values["success"] = state == WorkflowState.SUCCEEDED if state in WORKFLOW_ENDS else None
        transfers, jobs = values["bytes_total"] or [], values["bytes_done"] or []
        plan, refusals = WorkflowPlan.model_validate(values["steps"]), values["outputs"]
        values["steps"] = _show_steps(plan, refusals, [*transfers, *jobs], has_ended=state in WORKFLOW_ENDS)
        values["outputs"] = _show_outputs(plan, transfers, jobs)
        values |= _sum_bytes(transfers)


def _show_steps(
    plan: WorkflowPlan, refusals: dict[str, Any], rows: list[dict[str, Any]], *, has_ended: bool
) -> list[dict[str, Any]]:
    """Return all steps of the plan, with the rows of those that have begun."""
    begun = {("outputs" in row, row["step"]): row for row in rows}
    shown: list[dict[str, Any]] = []
    for step in plan.steps():
        row = begun.get(step.key)
        known: dict[str, Any] = {"name": step.name, "kind": step.kind}
        if row is not None:
            known |= {"id": str(UUID(row["id"])), "state": row["state"], "reason": row["reason"]}
        elif step.label in refusals:
            known |= {"id": None, "state": "failed", "reason": refusals[step.label]["reason"]}
        else:
            known |= {"id": None, "state": "skipped" if has_ended else "waiting", "reason": ""}
        shown.append(known)
    return shown


def _show_outputs(
    plan: WorkflowPlan, transfers: list[dict[str, Any]], jobs: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the results of all jobs, in the order of the jobs."""
    there = {row["step"]: row["object"] for row in transfers if row["state"] == "completed"}
    shown: list[dict[str, Any]] = []
    order = {job.name: number for number, job in enumerate(plan.jobs)}
    for row in sorted(jobs, key=lambda row: order[row["step"]]):
        listed = from_json(row["outputs"]) if isinstance(row["outputs"], str) else row["outputs"]
        for each in listed:
            step = f"{row['step']}/{each['service']}.{each['path'].rpartition('.')[2]}"
            shown.append({**each, "job": row["step"], "object": there.get(step)})
    return shown


def _sum_bytes(transfers: list[dict[str, Any]]) -> dict[str, int | None]:
    totals = [row["bytes_total"] for row in transfers]
    rates = [row["bytes_per_s"] for row in transfers if row["state"] == "transferring" and row["bytes_per_s"]]
    return {
        "bytes_total": None if None in totals else sum(totals),
        "bytes_done": sum(row["bytes_done"] for row in transfers),
        "bytes_per_s": sum(rates) or None,
    }
