"""The outbox: the messages of rows, sent after the commit, and the times of their next sending."""

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, case
from sqlalchemy.orm import Session

from gateway.clusters.queue_names import work_queue
from gateway.commits import after_commit
from gateway.db import db_now, due_in
from gateway.models import Job, Transfer
from gateway.settings import get_settings

LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class Message:
    """A message of the broker: the task, the ids of the rows, the queue of their cluster.

    The `first` message of new rows has the id of the first of them as its task id. `context` is that of the
    request that it is for: the trace goes on in the task, and the log line has the request's id.
    """

    task: str
    id: UUID
    queue: str
    others: tuple[UUID, ...] = ()
    first: bool = False
    context: Context = field(default_factory=copy_context, compare=False, repr=False)


Publisher = Callable[[Sequence[Message]], None]


def _no_queue(_messages: Sequence[Message]) -> None:
    raise RuntimeError("this process sends no messages: it has not imported gateway.queue")


publisher: Publisher = _no_queue


def publish(bind: Session | Connection, *messages: Message) -> None:
    """Send the messages after the transaction's commit; a rollback sends nothing."""
    if publisher is _no_queue:
        _no_queue(messages)
    after_commit(bind, _publish, *messages)


def _publish(messages: Sequence[Message]) -> None:
    publisher(messages)


def message_for(row: Transfer | Job, *, first: bool = False) -> Message:
    """Return the message that takes the row one step further."""
    queue = work_queue(row.infrastructure, moves_bytes=row.moves_bytes)
    return Message(row.task, row.id, queue, first=first)


def first_send() -> dict[str, Any]:
    """Return the columns that schedule the second sending of a row's message, should the first be lost."""
    return {"next_send_at": due_in(get_settings().send_again_s), "sends": 0}


def was_sent_before(model: type[Transfer | Job]) -> ColumnElement[bool]:
    """Return the condition that a published message was sent `send_again_s` ago or earlier.

    The time comes from the row's next sending and the wait until then.
    """
    first, most = get_settings().send_again_s, 0
    while _wait_s(most) < LONGEST_WAIT_S:
        most += 1
    passed = [(model.sends == n, db_now(_wait_s(n - 1) - first)) for n in range(1, most + 1)]
    latest = case((model.sends == 0, db_now()), *passed, else_=db_now(LONGEST_WAIT_S - first))
    return model.next_send_at <= latest


def next_send(sends: int) -> dict[str, Any]:
    """Return the columns of a row that is sent again: it is sent once more after a longer wait."""
    return {"next_send_at": due_in(_wait_s(sends)), "sends": sends + 1}


def _wait_s(sends: int) -> float:
    return float(min(get_settings().send_again_s * 2**sends, LONGEST_WAIT_S))
