"""The end of a task: its slot is free, so the next rows of its owner, or of another, are published at once.

A worker that is killed before leaves this to the sweep.
"""

import logging
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.models import model_of_task
from gateway.work import turns

_log = logging.getLogger(__name__)


def publish_next(task: str, row_id: str) -> None:
    """Publish the next messages of the owner of the task's row, or of the owner that waits longest."""
    model = model_of_task(task)
    if model is None:
        return
    try:
        with session_scope(read_only=True) as session:
            waiting = turns.next_owner(session, model, UUID(row_id))
        if waiting is not None:
            with session_scope() as session:
                turns.send_next(session, model, *waiting)
    except (SQLAlchemyError, ValueError) as error:
        _log.warning("%s: the next rows wait for the sweep: %s", row_id, type(error).__name__)
