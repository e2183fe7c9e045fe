"""The media type of bodies: JSON, also without a `Content-Type` or with the one that `curl -d` sends."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

_JSON = (b"content-type", b"application/json")
_FORM = b"application/x-www-form-urlencoded"


class JsonBodies:
    """Middleware that names a body JSON that is sent as JSON, and answers any other type with 415."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the media type of JSON, or refuse its own."""
        found = _media_type(scope)
        if found is None or found == b"application/json" or found.endswith(b"+json"):
            await self._app(scope, receive, send)
        elif found in {b"", _FORM}:
            headers = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
            scope["headers"] = [*headers, _JSON]  # no copy: outer middleware reads the route from the scope
            await self._app(scope, receive, send)
        else:
            await problem(415, "Unsupported media type", _explain(found))(scope, receive, send)


def _media_type(scope: Scope) -> bytes | None:
    """Return the media type in small letters, empty without one, or None for a request without a body."""
    if scope["type"] != "http":
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
        return None
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


def _explain(found: bytes) -> str:
    name = found[:100].decode("latin-1")
    return f"the header Content-Type is {name}; expected application/json: set it, or leave it out"
