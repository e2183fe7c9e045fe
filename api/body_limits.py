"""The bounds of a request: how large its headers and body may be, and how long the body may take."""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from gateway.settings import get_settings

LARGEST_HEADERS_BYTES = 64 * 1024
_CLOSE = (b"connection", b"close")  # what is still on its way is not worth reading


class Refused(Exception):
    """The request is out of bounds."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class BodyLimits:
    """Reads the body before anybody else does: within its bounds, or not at all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_headers(scope)
            body = await _read(receive) if _has_body(scope) else b""
        except Refused as refused:
            answer = problem(refused.status, refused.status.phrase, refused.detail)
            answer.raw_headers.append(_CLOSE)
            await answer(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _replaying(body, receive), send)


def _check_headers(scope: Scope) -> None:
    """Refuse by the headers alone what they already tell to be too large."""
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LARGEST_HEADERS_BYTES:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise Refused(status, f"the headers have {size} bytes; {LARGEST_HEADERS_BYTES} are allowed")
    length = _header(scope, b"content-length")
    if length.isdigit():
        _check_size(int(length))


def _has_body(scope: Scope) -> bool:
    return _header(scope, b"content-length") not in {b"", b"0"} or bool(_header(scope, b"transfer-encoding"))


def _header(scope: Scope, wanted: bytes) -> bytes:
    found: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return found


def _check_size(size: int) -> None:
    limit = get_settings().request_bytes
    if limit and size > limit:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise Refused(status, f"the body is larger than {limit} bytes (GATEWAY_REQUEST_BYTES)")


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body, or None when the client went away."""
    seconds = get_settings().request_body_s
    try:
        async with asyncio.timeout(seconds or None):
            return await _collect(receive)
    except TimeoutError:
        detail = f"the body took longer than {seconds:g} s to arrive (GATEWAY_REQUEST_BODY_S)"
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, detail) from None


async def _collect(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        _check_size(len(body))
        if not message.get("more_body", False):
            return bytes(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Give the body once, and what the server says after that."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
