"""The pace of an owner's requests. A status is never refused: old clients take any error for the end."""

from fastapi import Request

from api.deps import Caller
from gateway.accounts.rate_limit import count_request

_STATUS = "/{row_id}"


def limit_rate(request: Request, caller: Caller) -> None:
    """Count the request, or answer 429; a dependency of every route that asks who calls."""
    if request.method == "GET" and request.scope["route"].path.endswith(_STATUS):
        return
    count_request(caller.owner)
