"""Plain status routes: a status GET without a query goes past FastAPI's routing and dependencies.

These take longer than all that the answer needs, and clients poll nothing as often. The documented routes
answer every other form of the request by the same reads (api/status_reads.py).
"""

from collections.abc import MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.routing import Match, Route

from api.deps import authenticate, parse_id
from api.status_reads import STATUS_READS
from gateway.work.listing import Kind


class PlainStatusRoute(Route):
    """The route of the status of one kind of rows."""

    def __init__(self, kind: Kind) -> None:
        async def answer(request: Request) -> Response:
            caller = await authenticate(request)
            row_id = parse_id(request.path_params["id"])
            return await STATUS_READS[kind].answer(request, caller, row_id, 0)

        super().__init__(f"/{kind}/{{id}}", answer, methods=["GET"], include_in_schema=False)

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        """Match a GET without a query; the documented route matches all else."""
        if scope.get("method") != "GET" or scope["query_string"]:
            return Match.NONE, {}
        match, more = super().matches(scope)
        return match, {**more, "route": self}


def plain_status_routes() -> list[PlainStatusRoute]:
    """Return the route of each kind."""
    return [PlainStatusRoute(kind) for kind in STATUS_READS]
