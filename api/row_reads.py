"""Reads of many rows, from the database's columns to JSON: lists, histories, and statuses by many ids."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic_core import to_json
from sqlalchemy import Connection

from api.deps import parse_id, read_rows
from api.json_body import JsonBody
from api.schemas.listing import HistoryEvent, JobQuery, Page, TransferQuery, WorkflowQuery
from api.schemas.shapes import SHAPES
from api.shared_reads import SharedReads
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.work import pages
from gateway.work.counts import count_by_state
from gateway.work.listing import Filter, Kind
from gateway.work.statuses import fetch_events, fetch_statuses

ListQuery = TransferQuery | JobQuery | WorkflowQuery


@dataclass(frozen=True)
class _ListRequest:
    """A request for a page: equal ones have the same answer."""

    kind: Kind
    wanted: Filter
    caller: Caller
    cursor: str | None
    limit: int


async def list_page(kind: Kind, query: ListQuery, caller: Caller) -> Response:
    """Return a page of the rows that the caller may see, with the counts on the first page."""
    asked = _ListRequest(kind, query.to_filter(), caller, query.cursor, query.limit)
    return JsonBody(await _lists.result_of(asked))


def _list_page(asked: _ListRequest) -> bytes:
    page = load_page(asked.kind, asked.wanted, asked.caller, asked.cursor, asked.limit)
    return to_json(dict(zip(Page.model_fields, page, strict=True)))


_lists = SharedReads[_ListRequest, bytes]("lists", _list_page)


def load_page(
    kind: Kind, wanted: Filter, caller: Caller, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None, dict[str, int] | None]:
    """Return the statuses of a page, the next cursor, and on the first page the counts by state."""
    shape, visible = SHAPES[kind], replace(wanted, owner=caller.only_owner)

    def load(connection: Connection) -> tuple[list[dict[str, Any]], str | None, dict[str, int] | None]:
        counts = None if cursor else count_by_state(connection, visible, kind)
        rows, following = pages.fetch_page(
            connection, kind, shape.columns(), visible, cursor=cursor, limit=limit
        )
        return [shape.values(row, caller) for row in rows], following, counts

    return read_rows(load)


def list_events(kind: Kind, row_id: UUID, caller: Caller) -> Response:
    """Return a row's history."""
    return JsonBody(load_events(kind, row_id, caller))


def load_events(kind: Kind, row_id: UUID, caller: Caller) -> list[dict[str, Any]]:
    """Return a row's events in order, or raise NotFound."""
    names = tuple(HistoryEvent.model_fields)
    events = read_rows(lambda connection: fetch_events(connection, kind, names, row_id, caller))
    return [dict(zip(names, event, strict=True)) for event in events]


def list_statuses(ids: list[str], caller: Caller) -> Response:
    """Return the status of each id in their order, None for those without a row that the caller may see."""
    asked = [_parse_any(text) for text in ids]
    wanted = list({row_id for row_id in asked if row_id is not None})
    found = read_rows(lambda connection: _load_statuses(connection, wanted, caller))
    return JsonBody([None if row_id is None else found.get(row_id) for row_id in asked])


def _load_statuses(connection: Connection, row_ids: list[UUID], caller: Caller) -> dict[UUID, dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    for kind, shape in SHAPES.items():
        rows = fetch_statuses(connection, kind, shape.columns(), row_ids)
        shown = {row_id: shape.values(row, caller) for row_id, row in rows.items()}
        found |= {row_id: values for row_id, values in shown.items() if caller.may_see(values["owner"])}
    return found


def _parse_any(text: str) -> UUID | None:
    try:
        return parse_id(text)
    except NotFound:
        return None
