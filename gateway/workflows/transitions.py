"""Transitions of workflows: the only functions that change a workflow's state, each with its event."""

from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.errors import Conflict, Fault
from gateway.models import Workflow
from gateway.states import WorkflowState, is_final, may_follow
from gateway.work.transitions import record_event


def begin_workflow(session: Session, workflow: Workflow) -> None:
    """Record the first event of a new workflow."""
    record_event(session, workflow, "", workflow.state)


def move_workflow(
    session: Session, workflow: Workflow, to: WorkflowState, reason: str = "", fault: Fault | None = None
) -> None:
    """Take the workflow to a state that may follow its own, or raise Conflict."""
    if not may_follow(to, after=workflow.state):
        raise Conflict(f"{workflow.id} is {workflow.state} and cannot become {to}")
    record_event(session, workflow, workflow.state, to, reason=reason)
    _enter(workflow, to, reason)
    workflow.fault = fault


def reopen_workflow(session: Session, workflow: Workflow, reason: str, actor: str) -> None:
    """Take an ended workflow up again for a retry; the reason stands in the event and not on the row."""
    workflow.attempt += 1
    workflow.cancel_requested_at = None
    record_event(session, workflow, workflow.state, WorkflowState.ACCEPTED, reason=reason, actor=actor)
    _enter(workflow, WorkflowState.ACCEPTED, "")
    workflow.fault = None


def note_workflow(session: Session, workflow: Workflow, reason: str, actor: str) -> None:
    """Record a request in the history while the workflow's state stays as it is."""
    record_event(session, workflow, workflow.state, workflow.state, reason=reason, actor=actor)
    workflow.updated_at = utc_now()


def _enter(workflow: Workflow, to: WorkflowState, reason: str) -> None:
    workflow.state, workflow.reason, workflow.updated_at = to, reason, utc_now()
    workflow.ended_at = workflow.updated_at if is_final(to) else None
