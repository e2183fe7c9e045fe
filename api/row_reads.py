"""Reads of many rows, from the database's columns to JSON: lists, histories, and statuses by many ids."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import Connection

from api.deps import parse_id, read_rows
from api.json_body import JsonBody
from api.schemas.listing import HistoryEvent, JobQuery, Page, TransferQuery, WorkflowQuery
from api.schemas.shapes import SHAPES
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.work import pages
from gateway.work.listing import Filter, Kind
from gateway.work.statuses import fetch_events, fetch_statuses

ListQuery = TransferQuery | JobQuery | WorkflowQuery
LISTS_AT_ONCE = 4
PATIENCE_S = 0.05
_threads = ThreadPoolExecutor(LISTS_AT_ONCE, thread_name_prefix="lists")
_turn = threading.Lock()


async def list_page(kind: Kind, query: ListQuery, caller: Caller) -> Response:
    """Return a page of the rows that the caller may see, with the counts on the first page."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _list_page, kind, query, caller)


def _list_page(kind: Kind, query: ListQuery, caller: Caller) -> Response:
    page = load_page(kind, query.to_filter(), caller, query.cursor, query.limit)
    return JsonBody(dict(zip(Page.model_fields, page, strict=True)))


def load_page(
    kind: Kind, wanted: Filter, caller: Caller, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None, dict[str, int] | None]:
    """Return the statuses of a page, the next cursor, and on the first page the counts by state."""
    shape, visible = SHAPES[kind], replace(wanted, owner=caller.only_owner)

    def load(connection: Connection) -> tuple[list[dict[str, Any]], str | None, dict[str, int] | None]:
        counts = None if cursor else pages.count_by_state(connection, visible, kind)
        with _one_at_a_time():
            rows, following = pages.fetch_page(
                connection, kind, shape.columns(), visible, cursor=cursor, limit=limit
            )
            return [shape.values(row, caller) for row in rows], following, counts

    return read_rows(load)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for the other pages that are made, but not for long: the database may be slow with one of them.

    Threads that compute at once take each other's time.
    """
    has_turn = _turn.acquire(timeout=PATIENCE_S)
    try:
        yield
    finally:
        if has_turn:
            _turn.release()


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
