"""Filters of transfers and jobs: the same words for a list, for counts and for what a bulk retry takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.orm import Session

from gateway.models import Job, Transfer
from gateway.states import JobState, TransferState

Kind = Literal["data", "s3_data", "s3_result", "job"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Filter:
    """What to look for; what is left out is not looked at. Times are those of the request's arrival."""

    states: tuple[str, ...] = ()
    infrastructure: str | None = None
    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    parent: UUID | None = None
    owner: str | None = None


def conditions(wanted: Filter, kind: Kind) -> list[ColumnElement[bool]]:
    """Say in SQL what the filter wants of a kind."""
    model = model_of(kind)
    found = [] if model is Job else _of_kind(kind, wanted.parent)
    if wanted.states:
        known = JobState if model is Job else TransferState
        found.append(model.state.in_([state for state in known if state in wanted.states]))
    if wanted.owner is not None:
        found.append(model.owner == wanted.owner)
    if wanted.infrastructure is not None:
        found.append(model.infrastructure == wanted.infrastructure)
    if wanted.service is not None:
        found.append(
            Job.services.contains(f" {wanted.service} ", autoescape=True) if model is Job else false()
        )
    if wanted.since is not None:
        found.append(model.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(model.created_at < wanted.until)
    if wanted.reason:
        found.append(model.reason.icontains(wanted.reason, autoescape=True))
    return found


def _of_kind(kind: Kind, parent: UUID | None) -> list[ColumnElement[bool]]:
    """Find what clients asked for, or what one prefix consists of."""
    return [Transfer.kind == kind, Transfer.parent_id == parent]


def model_of(kind: Kind) -> type[Transfer] | type[Job]:
    """Return the table in which rows of the kind are."""
    return Job if kind == "job" else Transfer


def counts(session: Session, wanted: Filter, kind: Kind) -> dict[str, int]:
    """Count what the filter finds, by state."""
    model = model_of(kind)
    statement = select(model.state, func.count()).where(*conditions(wanted, kind)).group_by(model.state)
    return {str(state): number for state, number in session.execute(statement)}
