"""Limits of a request: the size of its headers and body, and the time in which the body arrives."""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from gateway.settings import get_settings

LARGEST_HEADERS_BYTES = 64 * 1024
_CLOSE = (b"connection", b"close")  # the rest of the body is not read


class LimitExceeded(Exception):
    """The request is beyond a limit."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class BodyLimits:
    """Middleware that reads the whole body within the limits before the application runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_headers(scope)
            body = await _read_body(receive) if _has_body(scope) else b""
        except LimitExceeded as error:
            answer = problem(error.status, error.status.phrase, error.detail)
            answer.raw_headers.append(_CLOSE)
            await answer(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, replay_body(body, receive), send)


def _check_headers(scope: Scope) -> None:
    """Refuse headers that are too large, and a `Content-Length` that is."""
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LARGEST_HEADERS_BYTES:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise LimitExceeded(status, f"the headers have {size} bytes; {LARGEST_HEADERS_BYTES} are allowed")
    length = _header(scope, b"content-length")
    if length.isdigit():
        _check_size(int(length))


def _has_body(scope: Scope) -> bool:
    return _header(scope, b"content-length") not in {b"", b"0"} or bool(_header(scope, b"transfer-encoding"))


def _header(scope: Scope, name: bytes) -> bytes:
    value: bytes = next((text for key, text in scope["headers"] if key == name), b"")
    return value


def _check_size(size: int) -> None:
    limit = get_settings().request_bytes
    if limit and size > limit:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise LimitExceeded(status, f"the body is larger than {limit} bytes (GATEWAY_REQUEST_BYTES)")


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body, or None when the client has disconnected."""
    seconds = get_settings().request_body_s
    try:
        async with asyncio.timeout(seconds or None):
            return await _collect_body(receive)
    except TimeoutError:
        detail = f"the body took longer than {seconds:g} s to arrive (GATEWAY_REQUEST_BODY_S)"
        raise LimitExceeded(HTTPStatus.REQUEST_TIMEOUT, detail) from None


async def _collect_body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        _check_size(len(body))
        if not message.get("more_body", False):
            return bytes(body)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body once, then the server's own messages."""
    is_replayed = False

    async def next_message() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
