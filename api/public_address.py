"""The address under which clients see the service: host and scheme by trusted proxies, and the root path."""

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.settings import get_settings

_FORWARDED_HOST = b"x-forwarded-host"


class PublicAddress:
    """Middleware that sets client, scheme, `Host` and root path of a request as its client sees them."""

    def __init__(self, app: ASGIApp) -> None:
        settings = get_settings()
        self._root_path = settings.root_path
        self._proxies = ProxyHeadersMiddleware(app, settings.trusted_proxies)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; headers of a proxy that is not trusted change nothing."""
        if scope["type"] == "http":
            scope = {**scope, "headers": self._headers(scope)}
            if self._root_path:  # Starlette removes it from a path that has it
                scope["root_path"] = self._root_path
        await self._proxies(scope, receive, send)  # type: ignore[arg-type]

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers, with the forwarded host in place of `Host` if the sender is trusted."""
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        client = scope.get("client")
        forwarded = [value for name, value in headers if name == _FORWARDED_HOST]
        if not forwarded or not client or client[0] not in self._proxies.trusted_hosts:
            return headers
        host = forwarded[-1].rpartition(b",")[2].strip()
        return [(name, value) for name, value in headers if name != b"host"] + [(b"host", host)]
