"""Reads of rows by id, of the columns that a status or a history shows, without the ORM.

The statements are made once: to make one takes ten times as long as to run it.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, select

from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.models import Event, Transfer
from gateway.work.json_values import json_value
from gateway.work.listing import Kind, model_of
from gateway.work.unserved import shown_column

Columns = tuple[str, ...]
Statuses = dict[UUID, Row[Any]]


def fetch_statuses(
    connection: Connection, kind: Kind, columns: Columns, row_ids: Collection[UUID]
) -> Statuses:
    """Return the columns of the rows of that kind as JSON shows them; unknown ids are left out."""
    found = connection.execute(_select_statuses(kind, columns), {"ids": list(row_ids)})
    return {UUID(row[-1]): row for row in found.all()}


def fetch_events(
    connection: Connection, kind: Kind, columns: Columns, row_id: UUID, caller: Caller
) -> list[Row[Any]]:
    """Return the columns of a row's events in order, or raise NotFound."""
    check_visible(connection, kind, row_id, caller)
    return list(connection.execute(_select_events(columns), {"id": row_id}).all())


def check_visible(connection: Connection, kind: Kind, row_id: UUID, caller: Caller) -> None:
    """Raise NotFound unless the caller may see the row: another owner's does not exist."""
    owner = connection.scalar(_select_owner(kind), {"id": row_id})
    if owner is None or not caller.may_see(owner):
        raise missing(kind, row_id)


def missing(kind: str, row_id: UUID) -> NotFound:
    """Return the error of a row that the caller may not see, or that does not exist."""
    noun = kind if kind in {"job", "workflow"} else f"{kind} transfer"
    return NotFound(f"there is no {noun} {row_id}")


@lru_cache
def _select_statuses(kind: Kind, columns: Columns) -> Select[Any]:
    model = model_of(kind)
    shown = select(*(shown_column(model, name) for name in (*columns, "id")))
    return _of_kind(shown.where(model.id.in_(bindparam("ids", expanding=True))), kind)


@lru_cache
def _select_owner(kind: Kind) -> Select[Any]:
    model = model_of(kind)
    return _of_kind(select(model.owner).where(model.id == bindparam("id")), kind)


@lru_cache
def _select_events(columns: Columns) -> Select[Any]:
    shown = select(*(json_value(getattr(Event, name)) for name in columns))
    return shown.where(Event.work_id == bindparam("id")).order_by(Event.id)


def _of_kind(statement: Select[Any], kind: Kind) -> Select[Any]:
    return statement.where(Transfer.kind == kind) if model_of(kind) is Transfer else statement
