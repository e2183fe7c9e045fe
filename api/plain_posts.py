"""Plain posts: a valid request for new work goes past FastAPI's routing and dependencies.

These take longer than the request's own checks. A body that is not valid is handed to the documented route,
which alone explains errors. The endpoint is the same function.
"""

import json
from collections.abc import Iterable, MutableMapping
from typing import Any, get_type_hints

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.body_limits import replay_body
from api.deps import authenticate
from api.idempotency import read_key
from gateway.accounts.rate_limit import count_request

_HANDED_OVER = "gateway.handed_over"  # in the scope of a request that the documented route answers


class PlainPostRoute(Route):
    """The route of the POST to one collection, beside the documented one."""

    def __init__(self, documented: APIRoute) -> None:
        model: type[BaseModel] = get_type_hints(documented.endpoint)["body"]

        async def answer(request: Request) -> ASGIApp:
            caller = await authenticate(request)
            raw = await request.body()
            body = _parse(model, raw)
            if body is None:
                return _hand_over(raw)
            await count_request(caller.owner)
            key = await read_key(request, caller, request.headers.get("idempotency-key"))
            response: ASGIApp = await documented.endpoint(caller, key, body)
            return response

        super().__init__(documented.path, answer, methods=["POST"], include_in_schema=False)

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        """Match a POST that the documented route has not been handed yet."""
        is_new = scope.get("method") == "POST" and _HANDED_OVER not in scope
        if not is_new or not scope["path"].endswith(self.path):
            return Match.NONE, {}
        match, more = super().matches(scope)
        return match, {**more, "route": self}


def _parse(model: type[BaseModel], raw: bytes) -> BaseModel | None:
    """Return the body as FastAPI would, or None where it is not valid."""
    try:
        return model.model_validate(json.loads(raw))
    except Exception:  # noqa: BLE001  the documented route finds it again, and answers
        return None


def _hand_over(raw: bytes) -> ASGIApp:
    """Return the application that answers by the documented route."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_HANDED_OVER] = True
        await scope["router"](scope, replay_body(raw, receive), send)

    return answer


def plain_post_routes(routers: Iterable[APIRouter]) -> list[PlainPostRoute]:
    """Return the route of each router's collection."""
    return [
        PlainPostRoute(route)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path == router.prefix and route.body_field
    ]
