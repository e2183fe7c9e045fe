"""The rate limit of an owner's requests; a status is exempt, as old clients give up at any error."""

from fastapi import Request

from api.deps import Caller
from gateway.accounts.rate_limit import count_request

_STATUS = "/{id}"


async def limit_rate(request: Request, caller: Caller) -> None:
    """Count the request, or raise TooMany; a dependency of every authenticated route."""
    if request.method == "GET" and request.scope["route"].path.endswith(_STATUS):
        return
    await count_request(caller.owner)
