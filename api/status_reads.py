"""Status reads: one row as JSON with its `ETag`, or 304; `?wait=` holds the answer until the row changes."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Shown:
    """The status of a row as one caller sees it."""

    body: bytes
    tag: str
    has_ended: bool


class StatusReads:
    """The status reads of one kind of rows."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self._shape = kind, SHAPES[kind]

    def load(self, row_ids: Sequence[UUID]) -> Statuses:
        """Return the rows of these ids."""
        columns = self._shape.columns()
        return read_rows(lambda connection: fetch_statuses(connection, self._kind, columns, row_ids))

    def load_tagged(self, row_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return the columns of the rows whose change a waiting request sees."""
        return {row_id: self._tagged(row) for row_id, row in self.load(row_ids).items()}

    def _tagged(self, columns: Sequence[Any]) -> dict[str, Any]:
        values = zip(self._shape.model_fields, columns, strict=False)
        return {name: value for name, value in values if name not in self._shape.untagged}

    async def answer(self, request: Request, caller: Caller, row_id: UUID, wait_s: float) -> Response:
        """Return the answer to a request for a status."""
        known = request.headers.get("if-none-match", "")
        return _respond(await self.show(request, caller, row_id, known, wait_s), known)

    async def show(self, request: Request, caller: Caller, row_id: UUID, known: str, wait_s: float) -> Shown:
        """Return the status, after it differs from the known one or the wait is over; raise NotFound."""
        if not wait_s:
            return await self._find(caller, row_id)
        with changes.waiter(self.load_tagged, row_id, caller.owner) as waiter:
            if waiter is None:
                return await self._find(caller, row_id)
            return await self._find_changed(request, caller, waiter, known, wait_s)

    async def _find_changed(
        self, request: Request, caller: Caller, waiter: Waiter, known: str, wait_s: float
    ) -> Shown:
        """Find the status as soon as it is no longer the known one, by default the one of this moment."""
        started = time.monotonic()
        shown = await self._find(caller, waiter.row_id)
        known = known or shown.tag
        with waiter.limited(wait_s, _hang_up(request)):
            while not (waiter.is_over or shown.has_ended) and names_tag(known, shown.tag):
                await waiter.changed()
                shown = await self._find(caller, waiter.row_id)
        request.scope[WAITED_S] = time.monotonic() - started
        return shown

    async def _find(self, caller: Caller, row_id: UUID) -> Shown:
        """Return the status of a row, or raise NotFound."""
        row = await _look_ups.result_of((self._kind, row_id))
        values = None if row is None else self._shape.values(row, caller)
        if values is None or not caller.may_see(values["owner"]):
            raise missing(self._kind, row_id)
        body = to_json(values)
        tagged = to_json(self._tagged(list(values.values()))) if self._shape.untagged else body
        return Shown(body, entity_tag(tagged, is_weak=tagged is not body), values["ended_at"] is not None)


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


def _respond(shown: Shown, known: str) -> Response:
    if known and names_tag(known, shown.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": shown.tag})
    return JsonBody(shown.body, headers={"ETag": shown.tag})


async def _hang_up(request: Request) -> None:
    """Wait until the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
