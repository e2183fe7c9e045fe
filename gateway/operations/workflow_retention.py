"""Retention of workflows: one expires as a whole, and its row goes with the last of its steps."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.events.pruning import delete_events
from gateway.models import Job, Transfer, Workflow

BATCH = 500


def count_expired_workflows(session: Session, before: datetime) -> dict[str, int]:
    """Return the number of workflows of each cluster that ended before the moment."""
    counts = select(Workflow.infrastructure, func.count()).where(*_expired(before))
    place = Workflow.infrastructure
    rows = session.execute(counts.group_by(place).order_by(place)).all()
    return {row[0]: row[1] for row in rows}


def mark_expired_workflows(session: Session, before: datetime) -> int:
    """Mark a batch of expired workflows, so that their steps may be pruned; return their number."""
    found = select(Workflow).where(*_expired(before)).limit(BATCH)
    workflows = session.scalars(found.with_for_update(skip_locked=True)).all()
    for workflow in workflows:
        workflow.prune_requested_at = utc_now()
        delete_emptied_workflow(session, workflow)
    return len(workflows)


def _expired(before: datetime) -> list[ColumnElement[bool]]:
    return [Workflow.ended_at < before, Workflow.prune_requested_at.is_(None)]


def stays_with_workflow(workflow_id: ColumnElement[Any], before: datetime) -> ColumnElement[bool]:
    """Return the condition that the workflow of this id, if there is one, has not expired."""
    stays = or_(Workflow.ended_at.is_(None), Workflow.ended_at >= before)
    return select(Workflow.id).where(Workflow.id == workflow_id, stays).exists()


def lock_expired_workflow(session: Session, row: Transfer | Job) -> Workflow | None:
    """Return the expired workflow of a step, locked: of two last steps one comes after the other."""
    if row.workflow_id is None:
        return None
    workflow = session.get(Workflow, row.workflow_id, with_for_update=True)
    return workflow if workflow is not None and workflow.prune_requested_at is not None else None


def delete_emptied_workflow(session: Session, workflow: Workflow) -> None:
    """Delete an expired workflow with its events when it has no step."""
    session.flush()
    for model in (Transfer, Job):
        if session.scalar(select(model.id).where(model.workflow_id == workflow.id).limit(1)) is not None:
            return
    delete_events(session, workflow.id)
    session.delete(workflow)
