"""Claiming a row for a task: when it is given up instead, the task fails, so that Flower shows it."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.claims import Claim
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.faults import Fault


class GivenUp(GatewayError):
    """The row has failed because too many workers died while they worked on it."""

    title = "Given up"


def claimed(take: Callable[[Session, UUID, str], Claim | None], row_id: str, worker: str) -> Claim | None:
    """Claim the row in a transaction of its own; None when there is nothing to do for this worker."""
    with session_scope() as session:
        claim = take(session, UUID(row_id), worker)
        given_up = next((row for row in session.dirty if not claim and row.fault is Fault.WORKERS), None)
    if given_up is not None:
        raise GivenUp(given_up.reason)
    return claim
