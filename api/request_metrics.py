"""Request metrics and ids: counts and times by route, and the `X-Request-ID` of answers and log lines."""

import time
import uuid
from itertools import count

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.logs import request_id

HEADER = b"x-request-id"
LONGEST_ID = 100
REQUESTS = Counter("gateway_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("gateway_http_request_seconds", "Time to answer.", ["method", "route"])
WAITED_S = "gateway.waited_s"  # in the scope: seconds that the client asked to wait, which are no slowness
_PROCESS_ID = uuid.uuid4().hex[:24]  # urandom for each request would hand the loop's turn to other threads
_numbers = count()
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


class RequestMetrics:
    """Middleware that counts and times each request and answers with its `X-Request-ID`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen_id = _choose_id(scope)
        request_id.set(chosen_id)
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, chosen_id.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _count(scope, status, time.perf_counter() - started - scope.get(WAITED_S, 0.0))


def _choose_id(scope: Scope) -> str:
    """Return the client's id if it is short printable ASCII, else a new one."""
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        if name == HEADER and len(text) <= LONGEST_ID and text.isascii() and text.isprintable() and text:
            return str(text)
    return f"{_PROCESS_ID}{next(_numbers):08x}"


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count under the route's pattern: there are too many paths for a label."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
