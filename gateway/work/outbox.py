"""The row as its own outbox: what to send for it, when to send it again, when to try it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in
from gateway.models import Job, Transfer
from gateway.settings import get_settings

LONGEST_WAIT_S = 300.0
Row = TypeVar("Row", bound=Transfer | Job)


@dataclass(frozen=True)
class Message:
    """What crosses the broker: a task's name, the id of a row or of a group, the queue of their cluster."""

    task: str
    id: UUID
    queue: str
    others: tuple[UUID, ...] = ()


def message_for(row: Transfer | Job) -> Message:
    """Return the message that takes the row one step further."""
    return Message(row.task, row.id, row.infrastructure)


def first_send() -> dict[str, Any]:
    """Return the columns of a row whose message is about to be sent for the first time."""
    return {"next_send_at": due_in(get_settings().send_again_s), "sends": 0}


def take_overdue(session: Session, limit: int) -> list[Message]:
    """Return the messages of rows that nobody took in time, each put off for longer than the last time."""
    return [*_take_overdue(session, Transfer, limit), *_take_overdue(session, Job, limit)]


def _take_overdue(session: Session, model: type[Row], limit: int) -> Iterator[Message]:
    statement = select(model).where(model.next_send_at <= db_now()).order_by(model.next_send_at).limit(limit)
    for row in session.scalars(statement.with_for_update(skip_locked=True)):
        row.next_send_at = due_in(min(get_settings().send_again_s * 2**row.sends, LONGEST_WAIT_S))
        row.sends += 1
        yield message_for(row)
