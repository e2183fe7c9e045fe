"""Reads of rows by id, of the columns that a status or a history shows, without the ORM."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.models import Event, Transfer
from gateway.work.json_values import json_value
from gateway.work.listing import Kind, model_of

Statuses = dict[UUID, Row[Any]]


def fetch_statuses(
    connection: Connection, kind: Kind, columns: Sequence[str], row_ids: Collection[UUID]
) -> Statuses:
    """Return the columns of the rows of that kind as JSON shows them; unknown ids are left out."""
    model = model_of(kind)
    shown = select(*(json_value(getattr(model, name)) for name in (*columns, "id")))
    found = connection.execute(_of_kind(shown, kind).where(model.id.in_(row_ids)))
    return {UUID(row[-1]): row for row in found}


def fetch_events(
    connection: Connection, kind: Kind, columns: Sequence[str], row_id: UUID, caller: Caller
) -> list[Row[Any]]:
    """Return the columns of a row's events in order, or raise NotFound: another owner's does not exist."""
    owner = connection.scalar(_of_kind(select(model_of(kind).owner), kind).where(model_of(kind).id == row_id))
    if owner is None or not caller.may_see(owner):
        raise missing(kind, row_id)
    shown = select(*(json_value(getattr(Event, name)) for name in columns))
    return list(connection.execute(shown.where(Event.work_id == row_id).order_by(Event.id)))


def missing(kind: str, row_id: UUID) -> NotFound:
    """Return the error of a row that the caller may not see, or that does not exist."""
    return NotFound(f"there is no {'job' if kind == 'job' else f'{kind} transfer'} {row_id}")


def _of_kind(statement: Any, kind: Kind) -> Any:
    return statement if kind == "job" else statement.where(Transfer.kind == kind)
