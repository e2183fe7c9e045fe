"""Overdue rows: a message that no worker took is published again, other rows wait for a turn again."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Job, Transfer
from gateway.work import turns
from gateway.work.claims import is_unclaimed
from gateway.work.grouping import group_messages
from gateway.work.outbox import Message, next_send, was_sent_before
from gateway.work.turns import Model


def take_overdue(session: Session, limit: int) -> list[Message]:
    """Return the messages to publish: those that were lost, and each owner's next ones.

    Each row's next sending is scheduled after a longer wait.
    """
    models: tuple[Model, ...] = (Transfer, Job)
    return [message for model in models for message in _take_overdue(session, model, limit)]


def _take_overdue(session: Session, model: Model, limit: int) -> Iterator[Message]:
    yield from _take_lost(session, model, limit)
    _line_up_overdue(session, model, limit)
    for infrastructure, owner in turns.waiting_owners(session, model):
        yield from turns.take_next(session, model, infrastructure, owner)


def _select_overdue(model: Model, limit: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Select rows, locked, up to the limit: as many of each owner, those first that are due longest."""
    owners = model.infrastructure, model.owner
    oldest = model.next_send_at, model.created_at
    place = func.row_number().over(partition_by=owners, order_by=oldest).label("place")
    due = select(model.id, place).where(*conditions).subquery()
    chosen = select(model).join(due, due.c.id == model.id).where(*conditions)
    fair = chosen.order_by(due.c.place, *oldest).limit(limit)
    return fair.with_for_update(skip_locked=True, of=model)  # the limit counts the rows that were locked here


def _take_lost(session: Session, model: Model, limit: int) -> Iterator[Message]:
    """Yield the messages that no worker took since they were published; a group stays a group.

    Where a cluster has a slot to spare, a message that waits longer than `send_again_s` was lost.
    """
    unclaimed = model.message_id.is_not(None), model.lease_until.is_(None)
    idle = turns.idle_clusters(session, model)
    lost = or_(model.next_send_at <= db_now(), and_(model.infrastructure.in_(idle), was_sent_before(model)))
    by_message = defaultdict[object, list[Transfer | Job]](list)
    for row in session.scalars(_select_overdue(model, limit, *unclaimed, lost)):
        by_message[row.message_id].append(row)
        for column, value in next_send(row.sends).items():
            setattr(row, column, value)
    for rows in by_message.values():
        yield from group_messages(rows, again=True)


def _line_up_overdue(session: Session, model: Model, limit: int) -> None:
    """Let rows wait for a turn whose time has come: retries, clean-ups, removals, those of dead workers."""
    due_at = model.next_send_at <= db_now()
    idle = is_unclaimed(model), or_(model.message_id.is_(None), model.lease_until.is_not(None))
    due = session.scalars(_select_overdue(model, limit, due_at, *idle).with_only_columns(model.id)).all()
    if due:
        waits = {"turn_at": model.next_send_at, "message_id": None, "next_send_at": None}
        lined_up = update(model).where(model.id.in_(due)).values(waits)
        session.execute(lined_up.execution_options(synchronize_session=False))
