"""The row as its own outbox: what to send for it, when to send it again, when to try it again."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in, utc_now
from gateway.errors import Cancelled, GatewayError
from gateway.faults import Fault
from gateway.history import move, note
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState

LONGEST_WAIT_S = 300.0
ON_REQUEST = "cancelled on request"
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
    if row.prune_requested_at is not None:
        noun = "transfers" if isinstance(row, Transfer) else "jobs"
        return Message(f"{noun}.prune", row.id, row.infrastructure)
    if isinstance(row, Transfer):
        if row.ended_at is not None:
            return Message("transfers.clean", row.id, row.infrastructure)
        return Message("transfers.run", row.id, row.infrastructure)
    return Message("jobs.finish" if row.finding else "jobs.submit", row.id, row.infrastructure)


def fresh() -> dict[str, Any]:
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


def settle(session: Session, row: Transfer | Job, error: GatewayError) -> None:
    """End the row's attempt for a final error; put it off for a transient one within the budget.

    A transfer that somebody has asked to stop is not put off. A job is: its scheduler may have it although
    nobody heard so, and the next try looks.
    """
    asked = isinstance(row, Transfer) and error.transient and row.cancel_requested_at is not None
    if asked or isinstance(error, Cancelled):
        finish_cancel(session, row)
        return
    settings = get_settings()
    row.failures += 1
    if not error.transient:
        fail(session, row, error.detail, error.fault)
    elif row.failures > settings.budget(row.kind):
        fail(session, row, f"given up after {row.failures} tries: {error.detail}", error.fault)
    else:
        wait_s = min(settings.retry_s * 2 ** (row.failures - 1), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)  # noqa: S311  jitter
        if isinstance(row, Transfer):
            move(session, row, TransferState.RETRYING, error.detail)
        elif row.state is JobState.SUBMITTING:  # an end that could not be read yet leaves the state alone
            move(session, row, JobState.RETRYING, error.detail)
        row.fault = error.fault
        row.lease_until = None
        row.retry_at = utc_now() + timedelta(seconds=wait_s)
        row.next_send_at = due_in(wait_s)
        row.sends = 0


def hand_back(session: Session, row: Transfer | Job, reason: str) -> None:
    """Let go of a row in the middle of its work, so that the next sweep gives it to another worker."""
    note(session, row, reason, actor="")
    row.lease_until = None
    row.next_send_at, row.sends = due_in(0), 0


def finish_cancel(session: Session, row: Transfer | Job) -> None:
    """Record that the work has stopped as somebody asked."""
    if isinstance(row, Job):
        move(session, row, JobState.CANCELLED, ON_REQUEST)
        return
    if not (row.kind == "s3_result" and row.leftovers):  # else needed once more, for the clean-up
        row.credentials = None
    move(session, row, TransferState.CANCELLED, ON_REQUEST)


def fail(session: Session, row: Transfer | Job, reason: str, fault: Fault) -> None:
    """End the row for good, in a way that a user can act on."""
    move(session, row, TransferState.FAILED if isinstance(row, Transfer) else JobState.FAILED, reason)
    row.fault = fault
