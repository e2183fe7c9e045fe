"""Status reads: one row as JSON with its `ETag`, or 304; `?wait=` holds the answer until the row changes."""

import sys
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic_core import to_json
from sqlalchemy import Row

from api.batches import Batches
from api.changes import Waiter, changes
from api.deps import read_rows
from api.entity_tags import entity_tag, names_tag
from api.json_body import JsonBody
from api.problems import responses
from api.request_metrics import WAITED_S
from api.schemas.shapes import SHAPES
from gateway.callers import Caller
from gateway.work.listing import Kind
from gateway.work.statuses import Statuses, fetch_statuses, missing

LONGEST_WAIT_S = 50
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The status is the one of `If-None-Match`"}
}
STATUS_RESPONSES = UNCHANGED | responses(400, 404, 503)
Wait = Annotated[
    float,
    Query(
        ge=0,
        le=LONGEST_WAIT_S,
        allow_inf_nan=False,
        description="Seconds to wait for a change of a row that has not ended.",
    ),
]


class StatusReads:
    """The status reads of one kind of rows."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self._shape = kind, SHAPES[kind]

    def load(self, row_ids: Sequence[UUID]) -> Statuses:
        """Return the rows of these ids."""
        columns = self._shape.columns()
        return read_rows(lambda connection: fetch_statuses(connection, self._kind, columns, row_ids))

    async def answer(self, request: Request, caller: Caller, row_id: UUID, wait_s: float) -> Response:
        """Return the answer to a request for a status."""
        known = request.headers.get("if-none-match", "")
        if not wait_s:
            return _respond((await self._find(caller, row_id))[0], known)
        with changes.waiter(self.load, row_id) as waiter:
            if waiter is None:
                return await self.answer(request, caller, row_id, 0)
            return _respond(await self._changed_body(request, caller, waiter, known, wait_s), known)

    async def _changed_body(
        self, request: Request, caller: Caller, waiter: Waiter, known: str, wait_s: float
    ) -> bytes:
        """Return the body as soon as it is no longer the known one, by default the one of this moment."""
        started = time.monotonic()
        body, has_ended = await self._find(caller, waiter.row_id)
        known = known or entity_tag(body)
        with waiter.limited(wait_s, _hang_up(request)):
            while not (waiter.is_over or has_ended) and names_tag(known, entity_tag(body)):
                await waiter.changed()
                body, has_ended = await self._find(caller, waiter.row_id)
        request.scope[WAITED_S] = time.monotonic() - started
        return body

    async def _find(self, caller: Caller, row_id: UUID) -> tuple[bytes, bool]:
        """Return the body of a row's status and whether the row has ended, or raise NotFound."""
        row = await _look_ups.result_of((self._kind, row_id))
        values = None if row is None else self._shape.values(row, caller)
        if values is None or not caller.may_see(values["owner"]):
            raise missing(self._kind, row_id)
        return to_json(values), values["ended_at"] is not None


STATUS_READS: dict[Kind, StatusReads] = {kind: StatusReads(kind) for kind in SHAPES}


def _look_up(asked: Sequence[tuple[Kind, UUID]]) -> list[Row[Any] | None]:
    """Return the row of each kind and id: requests that arrive together share a query."""
    ids: dict[Kind, set[UUID]] = {}
    for kind, row_id in asked:
        ids.setdefault(kind, set()).add(row_id)
    found = {kind: STATUS_READS[kind].load(list(of_kind)) for kind, of_kind in ids.items()}
    return [found[kind].get(row_id) for kind, row_id in asked]


# No status is refused because many wait: old clients take any other answer for the end.
_look_ups = Batches[tuple[Kind, UUID], Row[Any] | None]("status look-ups", _look_up, most_waiting=sys.maxsize)


def _respond(body: bytes, known: str) -> Response:
    tag = entity_tag(body)
    if known and names_tag(known, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return JsonBody(body, headers={"ETag": tag})


async def _hang_up(request: Request) -> None:
    """Wait until the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
