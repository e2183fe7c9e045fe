"""Filters of lists of transfers, jobs and workflows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, false

from gateway.models import Job, Transfer, Workflow
from gateway.states import State

WorkKind = Literal["data", "s3_data", "s3_result", "job"]
Kind = WorkKind | Literal["workflow"]
KINDS: tuple[WorkKind, ...] = get_args(WorkKind)


@dataclass(frozen=True)
class Filter:
    """The criteria of a list; an empty one selects all. The times are of the request's arrival."""

    states: tuple[str, ...] = ()
    infrastructure: str | None = None
    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    parent: UUID | None = None
    owner: str | None = None


def filter_conditions(wanted: Filter, kind: Kind) -> list[ColumnElement[bool]]:
    """Return the conditions of the filter for rows of a kind."""
    model = model_of(kind)
    found = _kind_conditions(kind, wanted.parent)
    if wanted.states:
        states = wanted_states(wanted, kind)
        found.append(model.state == states[0] if len(states) == 1 else model.state.in_(states))
    if wanted.owner is not None:
        found.append(model.owner == wanted.owner)
    if wanted.infrastructure is not None:
        found.append(model.infrastructure == wanted.infrastructure)
    if wanted.service is not None:
        found.append(Job.has_service(wanted.service) if model is Job else false())
    if wanted.since is not None:
        found.append(model.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(model.created_at < wanted.until)
    if wanted.reason:
        found.append(model.reason.icontains(wanted.reason, autoescape=True))
    return found


def wanted_states(wanted: Filter, kind: Kind) -> list[State]:
    """Return the states of the kind among those of the filter."""
    return [state for state in model_of(kind).states if state in wanted.states]


def _kind_conditions(kind: Kind, parent: UUID | None) -> list[ColumnElement[bool]]:
    """Return the conditions that select a kind: rows of clients, or the children of one prefix."""
    is_transfer = model_of(kind) is Transfer
    return [Transfer.kind == kind, Transfer.parent_id == parent] if is_transfer else []


def model_of(kind: Kind) -> type[Transfer] | type[Job] | type[Workflow]:
    """Return the model of a kind."""
    if kind == "workflow":
        return Workflow
    return work_model(kind)


def work_model(kind: WorkKind) -> type[Transfer] | type[Job]:
    """Return the model of a kind of work."""
    return Job if kind == "job" else Transfer
