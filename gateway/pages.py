"""Pages of a collection: newest first, by a cursor that stays right while rows are added."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from gateway.errors import Invalid
from gateway.models import Job, Transfer

Row = TypeVar("Row", bound=Transfer | Job)


def page(
    session: Session, model: type[Row], wanted: Sequence[ColumnElement[bool]], cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return up to `limit` rows that meet the conditions, and the next cursor."""
    newest_first = (model.created_at.desc(), model.id.desc())
    statement = select(model).where(*wanted).order_by(*newest_first).limit(limit + 1)
    if cursor:
        statement = statement.where(tuple_(model.created_at, model.id) < tuple_(*_decode(cursor)))
    rows = list(session.scalars(statement))
    return rows[:limit], _encode(rows[limit - 1]) if len(rows) > limit else None


def _encode(row: Transfer | Job) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, row_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(row_id)
    except (ValueError, OverflowError) as error:
        raise Invalid("use the `next` of the page before", field="cursor") from error
