"""The `Authorization` header: exactly one bearer token of at most 8192 characters."""

import re
from collections.abc import Sequence

from gateway.errors import Unauthorized

LONGEST_TOKEN = 8192
_FORM = re.compile(rf"bearer +([A-Za-z0-9._~+/=-]{{1,{LONGEST_TOKEN}}})", re.IGNORECASE | re.ASCII)


def bearer_token(headers: Sequence[str]) -> str:
    """Return the token of the request's `Authorization` headers, or raise Unauthorized."""
    if not headers:
        raise Unauthorized("authentication is needed: send `Authorization: Bearer <key or token>`")
    if len(headers) > 1:
        raise Unauthorized("send one Authorization header, not several")
    found = _FORM.fullmatch(headers[0].strip(" "))
    if found is None:
        raise Unauthorized("the Authorization header must be `Bearer <key or token>`")
    return found[1]
