"""The actor of a visitor's action, for the history: the owner, or without accounts the console."""

from fastapi import Request

from api.row_actions import Actor
from gateway.callers import Caller

NAME = "console"


def acting(request: Request, caller: Caller) -> str:
    """Return the name for the history."""
    return actor_of(request, caller).name(NAME)


def actor_of(request: Request, caller: Caller) -> Actor:
    """Return the actor of a request."""
    return Actor(caller.owner, f"client at {request.client.host}" if request.client else "client")
