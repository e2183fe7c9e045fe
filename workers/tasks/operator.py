"""The task `operator.retry`: retry a row by id, for Flower's `async-apply` and any Celery client."""

from uuid import UUID

from gateway.db import session_scope
from gateway.errors import Conflict, NotFound
from gateway.operations import retries
from gateway.queue import app


@app.task(name="operator.retry", throws=(Conflict, NotFound))
def retry(row_id: str, by: str = "a Celery client", reason: str = "") -> None:
    """Retry the transfer or job of that id; a refusal is the task's failure, in the refusal's words."""
    try:
        wanted = UUID(row_id)
    except ValueError:
        raise NotFound(f"{row_id!r} is not an id") from None
    with session_scope() as session:
        retries.retry_one(session, wanted, by, reason)
