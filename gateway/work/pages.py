"""Pages of a list by a cursor that new rows do not shift."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select, tuple_, union_all

from gateway.errors import Invalid
from gateway.work.json_values import json_value
from gateway.work.listing import Filter, Kind, filter_conditions, model_of, wanted_states
from gateway.work.statuses import Columns
from gateway.work.unserved import shown_column

Place = tuple[datetime, UUID]
KEPT = 64  # statements of first pages, by kind and filter: to make one takes a part of its time


def fetch_page(
    connection: Connection,
    kind: Kind,
    columns: Columns,
    wanted: Filter,
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[Row[Any]], str | None]:
    """Return the columns of up to `limit` filtered rows as JSON shows them, and the next cursor."""
    if cursor:
        page = _select_page(kind, columns, wanted, limit + 1, _decode_cursor(cursor))
    else:
        page = _select_first_page(kind, columns, wanted, limit + 1)
    rows = list(connection.execute(page).all())
    return rows[:limit], _encode_cursor(rows[limit - 1]) if len(rows) > limit else None


@lru_cache(KEPT)
def _select_first_page(kind: Kind, columns: Columns, wanted: Filter, limit: int) -> Select[Any]:
    return _select_page(kind, columns, wanted, limit, None)


def _select_page(
    kind: Kind, columns: Columns, wanted: Filter, limit: int, place: Place | None
) -> Select[Any]:
    """Select the columns of the rows behind a place."""
    shown = _select_shown(kind, columns)
    if len(wanted_states(wanted, kind)) > 1:
        newest = _newest_of_states(kind, wanted, place, limit).subquery()
        return shown.join(newest, newest.c.id == model_of(kind).id)
    return shown.where(*_conditions(kind, wanted, place)).limit(limit)


@lru_cache
def _select_shown(kind: Kind, columns: Columns) -> Select[Any]:
    """Select the columns and the place of rows, newest first; made once, as that takes a millisecond."""
    model = model_of(kind)
    place = json_value(model.created_at).label("place_at"), json_value(model.id).label("place_id")
    shown = select(*(shown_column(model, name) for name in columns), *place)
    return shown.order_by(model.created_at.desc(), model.id.desc())


def _newest_of_states(kind: Kind, wanted: Filter, place: Place | None, limit: int) -> Select[Any]:
    """Select the ids of the newest rows of several states: an index has those of one state in order."""
    model = model_of(kind)
    keys = select(model.created_at, model.id).order_by(model.created_at.desc(), model.id.desc()).limit(limit)
    each = (replace(wanted, states=(state,)) for state in wanted_states(wanted, kind))
    found = union_all(
        *(select(keys.where(*_conditions(kind, one, place)).subquery()) for one in each)
    ).subquery()
    return select(found.c.id).order_by(found.c.created_at.desc(), found.c.id.desc()).limit(limit)


def _conditions(kind: Kind, wanted: Filter, place: Place | None) -> list[Any]:
    model = model_of(kind)
    found = filter_conditions(wanted, kind)
    if place is not None:
        found.append(tuple_(model.created_at, model.id) < tuple_(*place))
    return found


def _encode_cursor(row: Row[Any]) -> str:
    return base64.urlsafe_b64encode(f"{row.place_at} {row.place_id}".encode()).decode()


def _decode_cursor(cursor: str) -> Place:
    try:
        moment, row_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(row_id)
    except (ValueError, OverflowError) as error:
        raise Invalid("use the `next` of the page before", field="cursor") from error
