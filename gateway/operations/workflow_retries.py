"""The retry of a workflow: its failed steps get their next attempt, and it goes on from there."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from gateway.credentials.stored import resolve_secret
from gateway.errors import Conflict, Invalid
from gateway.models import Transfer, Workflow
from gateway.operations import retries
from gateway.states import is_final, is_retryable
from gateway.storage.address import Secret, StoredKeys
from gateway.workflows.advance import advance
from gateway.workflows.field_errors import within_field
from gateway.workflows.lifecycle import lock_steps
from gateway.workflows.plan import INPUT, StorePlan, WorkflowPlan
from gateway.workflows.store_access import PlaceWithAccess, open_access, seal_access
from gateway.workflows.transitions import reopen_workflow

Fresh = Mapping[str, Secret | StoredKeys]


def retry_workflow(session: Session, workflow: Workflow, actor: str, why: str, fresh: Fresh) -> None:
    """Reopen the workflow and its failed steps; `fresh` has access to the stores of `input` and `output`.

    Raises
    ------
    Conflict
        When the workflow has not ended, ended well, or would need credentials that are erased.
    Invalid
        When there is fresh access to a store that the workflow has not.
    """
    steps = lock_steps(session, [workflow.id])  # before the workflow, as the ends of steps do
    session.refresh(workflow, with_for_update=True)
    _check_retryable(workflow)
    _renew(session, workflow, fresh)
    workflow.refusals = {}
    reopen_workflow(session, workflow, why, actor)
    for row in steps:
        if is_retryable(row.state):
            secret = _secret_of(session, workflow, row) if isinstance(row, Transfer) else None
            retries.retry(session, row, actor, why, secret)
    session.flush()
    advance(session, [workflow.id])


def _check_retryable(workflow: Workflow) -> None:
    if not is_final(workflow.state):
        raise Conflict(f"it is {workflow.state}: only an ended workflow can be retried")
    if workflow.prune_requested_at is not None:
        raise Conflict("it is being removed by `hpc-gateway prune`")
    if not is_retryable(workflow.state):
        raise Conflict(f"it is {workflow.state}: there is nothing to retry")


def _renew(session: Session, workflow: Workflow, fresh: Fresh) -> None:
    """Put fresh access to the stores in place of the earlier one."""
    plan = WorkflowPlan.of(workflow)
    for name, opening in fresh.items():
        place = _place(plan, name)
        if place is None:
            raise Invalid(f"the workflow's {name} is in no store", field=name)
        with within_field(name):
            resolve_secret(session, workflow.owner, opening, place.endpoint)
        renewed, sealed = seal_access(PlaceWithAccess(place, opening))
        if name == INPUT:
            plan.input.s3, workflow.input_secret = renewed, sealed
        else:
            plan.output, workflow.output_secret = renewed, sealed
    workflow.plan = plan.model_dump(mode="json")


def _place(plan: WorkflowPlan, name: str) -> StorePlan | None:
    return plan.input.s3 if name == INPUT else plan.output


def _secret_of(session: Session, workflow: Workflow, row: Transfer) -> Secret | None:
    """Return the secret of a transfer's store, as the owner has it now."""
    plan, is_input = WorkflowPlan.of(workflow), row.step == INPUT
    place = plan.input.s3 if is_input else plan.output
    if place is None:
        return None
    sealed = workflow.input_secret if is_input else workflow.output_secret
    return resolve_secret(session, workflow.owner, open_access(place, sealed), place.endpoint)
