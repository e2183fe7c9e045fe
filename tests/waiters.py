"""Requests that wait for a change of a row, in threads."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from api.changes import changes
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.models import Job
from tests.polling import until

if TYPE_CHECKING:
    from concurrent.futures import Future

    import httpx

LONG = {"wait": 50}
Ask = Callable[..., "Future[httpx.Response]"]


def waiting(number: int = 1) -> None:
    """Wait until the API holds so many requests."""
    until(f"{number} requests wait", lambda: changes.number == number)


def cancel_job(row_id: UUID) -> None:
    """Cancel a job, for a change of its row."""
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
