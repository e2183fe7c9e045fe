"""Figures of the steps of a run: progress, rate and end of a transfer; times and usage of a job."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.models import Job, Transfer

_OF_TRANSFER = Transfer.bytes_done, Transfer.bytes_total, Transfer.bytes_per_s, Transfer.estimated_end_at
_OF_JOB = Job.created_at, Job.started_at, Job.ended_at, Job.usage


def load_step_figures(session: Session, run_id: UUID) -> dict[str, Mapping[str, Any]]:
    """Return the figures of the steps that have begun, by the ids of their rows."""
    found: dict[str, Mapping[str, Any]] = {}
    for model, columns in ((Transfer, _OF_TRANSFER), (Job, _OF_JOB)):
        rows = session.execute(select(model.id, *columns).where(model.workflow_id == run_id))
        found |= {str(row.id): row._asdict() for row in rows}
    return found
