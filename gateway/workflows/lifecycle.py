"""The life of a workflow: create, find, cancel, and the end of its secrets."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.clusters import catalog
from gateway.db import db_now, due_in, utc_now
from gateway.errors import Conflict
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, Transfer, Workflow
from gateway.settings import get_settings
from gateway.states import is_final
from gateway.transfers import lifecycle as transfers
from gateway.work import quotas
from gateway.work.statuses import missing
from gateway.workflows.advance import BATCH, advance, advance_locked
from gateway.workflows.plan import WorkflowPlan
from gateway.workflows.transitions import begin_workflow, note_workflow

CANCEL_S = 5.0  # after which the sweep cancels the steps, should the next transaction be lost
Row = TypeVar("Row", bound=Transfer | Job)


def create(session: Session, workflow: Workflow) -> None:
    """Insert a drafted workflow with its first steps, or raise TooMany before the first row."""
    catalog.hold_cluster(session, workflow.infrastructure)
    _admit_first_steps(session, workflow)
    session.add(workflow)
    session.flush()
    begin_workflow(session, workflow)
    advance_locked(session, [workflow])


def _admit_first_steps(session: Session, workflow: Workflow) -> None:
    """Raise TooMany when the owner's quotas do not admit the steps that begin at once."""
    plan = WorkflowPlan.of(workflow)
    cluster = catalog.get_cluster(session, workflow.infrastructure)
    admission = quotas.Admission(session, [(workflow.owner, cluster)])
    is_staged = plan.input.path is None
    for step in plan.steps():
        if not step.needs and not (step.reads_input and is_staged):
            model = Job if step.kind == "job" else Transfer
            admission.admit(workflow.owner, cluster, model, plan.work_count(step))


def get(session: Session, caller: Caller, workflow_id: UUID) -> Workflow:
    """Return the workflow, or raise NotFound: another owner's does not exist."""
    row = session.get(Workflow, workflow_id)
    if row is None or not caller.may_see(row.owner):
        raise missing("workflow", workflow_id)
    return row


def request_cancel(session: Session, workflow: Workflow, actor: str, why: str = "") -> None:
    """Record the request: no step begins after its commit. `cancel_steps` follows in the next transaction.

    A transaction that ends a step locks the step before the workflow, and so does the cancel of the steps.
    """
    session.refresh(workflow, with_for_update=True)
    if is_final(workflow.state):
        raise Conflict(f"the workflow has ended already: it is {workflow.state}")
    workflow.cancel_requested_at = utc_now()
    workflow.check_until = due_in(CANCEL_S)
    note_workflow(session, workflow, f"cancel requested: {why}" if why else "cancel requested", actor)


def cancel_steps(session: Session, workflow_ids: Sequence[UUID], actor: str, why: str = "") -> None:
    """Cancel the steps of cancelled workflows that are under way; a workflow without any ends at once."""
    for row in lock_steps(session, workflow_ids):
        if not is_final(row.state) and row.cancel_requested_at is None:
            if isinstance(row, Job):
                jobs.cancel(session, row, actor, why)
            else:
                transfers.cancel(session, row, actor, why)
    session.flush()
    advance(session, workflow_ids)
    done = update(Workflow).where(Workflow.id.in_(workflow_ids)).values(check_until=None)
    session.execute(done.execution_options(synchronize_session="fetch"))


def cancel_lost_steps(session: Session) -> None:
    """Cancel the steps of workflows whose cancel was requested by a process that died before it did so."""
    requested = Workflow.cancel_requested_at.is_not(None), Workflow.check_until <= db_now()
    live = select(Workflow.id).where(*requested, Workflow.state.in_(Workflow.live)).limit(BATCH)
    if ids := session.scalars(live).all():
        cancel_steps(session, ids, actor="", why="its workflow was cancelled")


def lock_steps(session: Session, workflow_ids: Sequence[UUID]) -> Sequence[Transfer | Job]:
    """Return the rows of the workflows' steps, locked in the order of their ids."""
    return [*_lock(session, Transfer, workflow_ids), *_lock(session, Job, workflow_ids)]


def _lock(session: Session, model: type[Row], workflow_ids: Sequence[UUID]) -> Sequence[Row]:
    mine = select(model).where(model.workflow_id.in_(workflow_ids)).order_by(model.id).with_for_update()
    return session.scalars(mine.execution_options(populate_existing=True)).all()


def erase_secrets(session: Session) -> None:
    """Erase the secrets of ended workflows that were kept for a retry, after `credentials_kept_s`."""
    too_long = db_now(-get_settings().credentials_kept_s)
    kept = update(Workflow).where(Workflow.input_secret.is_not(None) | Workflow.output_secret.is_not(None))
    erased = kept.where(Workflow.ended_at < too_long).values(input_secret=None, output_secret=None)
    session.execute(erased.execution_options(synchronize_session=False))
