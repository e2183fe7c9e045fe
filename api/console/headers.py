"""The headers of every answer of the console: no foreign code, frame, sniffing, referrer or cached page."""

from urllib.parse import urlsplit

from fastapi import Response

from gateway.settings import get_settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def policy() -> str:
    """Return the policy; files of people go straight into the gateway's own store, if there is one."""
    settings = get_settings()
    store = urlsplit(settings.store_public_endpoint or settings.store_endpoint)
    origin = f" {store.scheme}://{store.netloc}" if store.netloc else ""
    return POLICY.format(connect=f"'self'{origin}")


def protect(response: Response) -> None:
    """Set the headers; an answer that may be cached has said so itself."""
    response.headers.update(HEADERS | {"Content-Security-Policy": policy()})
    response.headers.setdefault("Cache-Control", "no-store")
