"""Lists of transfers and jobs: filters, counts by state, and pages by a cursor that new rows do not shift."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, select, tuple_
from sqlalchemy.orm import Session, undefer

from gateway.errors import Invalid
from gateway.models import Job, Transfer

Kind = Literal["data", "s3_data", "s3_result", "job"]
KINDS: tuple[Kind, ...] = get_args(Kind)


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
        found.append(model.state.in_([state for state in model.states if state in wanted.states]))
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


def _kind_conditions(kind: Kind, parent: UUID | None) -> list[ColumnElement[bool]]:
    """Return the conditions that select a kind: rows of clients, or the children of one prefix."""
    return [] if kind == "job" else [Transfer.kind == kind, Transfer.parent_id == parent]


def model_of(kind: Kind) -> type[Transfer] | type[Job]:
    """Return the model of a kind."""
    return Job if kind == "job" else Transfer


def count_by_state(session: Session, wanted: Filter, kind: Kind) -> dict[str, int]:
    """Count the filtered rows, by state."""
    model = model_of(kind)
    statement = (
        select(model.state, func.count()).where(*filter_conditions(wanted, kind)).group_by(model.state)
    )
    return {str(state): number for state, number in session.execute(statement)}


Row = TypeVar("Row", bound=Transfer | Job)


def fetch_page(
    session: Session, model: type[Row], wanted: Sequence[ColumnElement[bool]], cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return up to `limit` rows that meet the conditions, and the next cursor."""
    newest_first = (model.created_at.desc(), model.id.desc())
    statement = select(model).where(*wanted).order_by(*newest_first).limit(limit + 1)
    if cursor:
        statement = statement.where(tuple_(model.created_at, model.id) < tuple_(*_decode_cursor(cursor)))
    if model is Job:
        statement = statement.options(undefer(Job.watched_at))
    rows = list(session.scalars(statement))
    return rows[:limit], _encode_cursor(rows[limit - 1]) if len(rows) > limit else None


def _encode_cursor(row: Transfer | Job) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, row_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(row_id)
    except (ValueError, OverflowError) as error:
        raise Invalid("use the `next` of the page before", field="cursor") from error
