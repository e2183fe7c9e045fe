"""Routes of one thread hop: an endpoint that may block runs in a pool thread, together with its rendering.

FastAPI enters the thread pool once more to validate a response; the endpoints here return the declared types,
and mypy checks it.
"""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

JSON = "application/json"


class OneHopRoute(APIRoute):
    """A route whose endpoint, unless it is `async`, runs and is rendered in one hop."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        @wraps(endpoint)
        async def hop(**values: Any) -> Response:
            return await run_in_threadpool(self._respond, endpoint, values)

        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else hop, **options)

    def _respond(self, endpoint: Callable[..., Any], values: dict[str, Any]) -> Response:
        result = endpoint(**values)
        if isinstance(result, Response):
            return result
        unset, field = self.response_model_exclude_unset, self.response_field
        content = field.serialize_json(result, exclude_unset=unset) if field else None
        return Response(content, self.status_code or 200, media_type=JSON if content else None)
