"""Cross-site requests: foreign web pages do not write, and without accounts foreign hosts are not served.

Browsers send `Origin` or `Sec-Fetch-Site` with each write; other clients send neither. The check of `Host`
stops a page whose name was pointed at this service (DNS rebinding): the page's requests are then same-site.
"""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem
from gateway.settings import Settings, get_settings

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossSite:
    """Middleware that answers cross-site requests with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = _refusal(scope, get_settings()) if scope["type"] == "http" else ""
        if refusal:
            answer = problem(403, "Forbidden", refusal)
            del answer.headers["WWW-Authenticate"]  # no token would change the answer
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(scope: Scope, settings: Settings) -> str:
    """Return the reason against the request, or an empty text."""
    host = (_values(scope, b"host") or [""])[-1]
    if settings.auth == "none" and not settings.open_to_all and not _is_known(host, settings.allowed_hosts):
        return (
            f"the host {host[:255]!r} is neither a loopback name nor in GATEWAY_ALLOWED_HOSTS, as a service"
            " without accounts expects: call it by 127.0.0.1, or let its operator list the host"
        )
    return "" if scope["method"] in READS else _refusal_of_page(scope, host, settings)


def _refusal_of_page(scope: Scope, host: str, settings: Settings) -> str:
    """Return the reason against a write that a foreign page sends."""
    origins = _values(scope, b"origin")
    own = f"{scope['scheme']}://{host}"
    for origin in origins:
        if origin.lower() not in settings.allowed_origins and not _is_own(origin, scope["scheme"], host):
            return (
                f"the Origin {origin[:255]!r} is neither this service's ({own[:255]}) nor in"
                " GATEWAY_ALLOWED_ORIGINS: let its operator list the page's origin"
            )
    site = (_values(scope, b"sec-fetch-site") or [""])[-1].lower()
    if not origins and site in _FOREIGN_SITES:
        return (
            f"a page of another site sent this (Sec-Fetch-Site: {site}); only pages of this service may write"
        )
    return ""


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for name, value in scope["headers"] if name == wanted]


def _place(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL; all are empty where it has no valid host or port."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None


def _is_own(origin: str, scheme: str, host: str) -> bool:
    """Tell whether the origin is the service's own; https is, too, where a proxy ends TLS unannounced."""
    page = _place(origin)
    return page[0] in {scheme, "https"} and page[1] != "" and page == _place(f"{page[0]}://{host}")


def _is_known(host: str, allowed: list[str]) -> bool:
    """Tell whether a `Host` is a loopback name or address, or in the list, there with or without a port."""
    name = _place(f"http://{host}")[1].removesuffix(".")
    return host.lower() in allowed or name in allowed or name.endswith(".localhost") or is_loopback_name(name)


@lru_cache(maxsize=1024)
def is_loopback_name(name: str) -> bool:
    """Tell whether a host's name, without a port, is `localhost` or a loopback address."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
