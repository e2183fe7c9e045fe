"""Retrying many: first what a filter finds, then each of them by itself, so that one cannot stop the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import retries
from gateway.errors import GatewayError, NotFound
from gateway.filters import Filter, Kind, conditions, model_of
from gateway.models import Job, Transfer
from gateway.outbox import Message, message_for
from gateway.states import JobState, TransferState, is_retryable

BAD_ENDS = tuple(dict.fromkeys(str(s) for s in (*TransferState, *JobState) if is_retryable(s)))
LARGEST = 10_000


@dataclass(frozen=True)
class Found:
    """A row that the filter found; `refusal` says why it cannot be retried as it is."""

    id: UUID
    kind: Kind
    refusal: str = ""


def find(session: Session, wanted: Filter, kinds: Sequence[Kind]) -> list[Found]:
    """Return what the filter finds among rows that ended badly, oldest first, up to LARGEST."""
    wanted = replace(wanted, states=wanted.states or BAD_ENDS)
    rows: list[Transfer | Job] = []
    for kind in kinds:
        model = model_of(kind)
        oldest = select(model).where(*conditions(wanted, kind)).order_by(model.created_at).limit(LARGEST)
        rows.extend(session.scalars(oldest))
    rows.sort(key=lambda row: (row.created_at, row.id))
    return [_judged(row) for row in rows[:LARGEST]]


def _judged(row: Transfer | Job) -> Found:
    kind = cast("Kind", row.kind)
    try:
        retries.check(row)
    except GatewayError as error:
        return Found(row.id, kind, error.detail)
    return Found(row.id, kind)


def retry_some(
    session: Session, some: Sequence[Found], actor: str, why: str
) -> tuple[list[Found], list[Message]]:
    """Retry each that can be, and return what became of them and the messages to send."""
    done: list[Found] = []
    messages: list[Message] = []
    for found in some:
        try:
            messages.append(retry_one(session, found.id, actor, why))
            done.append(replace(found, refusal=""))
        except GatewayError as error:
            done.append(replace(found, refusal=error.detail))
    return done, messages


def retry_one(session: Session, row_id: UUID, actor: str, why: str) -> Message:
    """Retry the transfer or job of that id and return the message to send once it is committed."""
    row = session.get(Transfer, row_id) or session.get(Job, row_id)
    if row is None:
        raise NotFound(f"there is no transfer and no job {row_id}")
    retries.lock(session, row)
    retries.retry(session, row, actor, why)
    return message_for(row)
