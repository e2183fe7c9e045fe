"""Lack of memory: a row whose work finds none, or whose process the kernel ends, is tried once more.

It is tried alone, in a process that has done no other work.

The events of an attempt are the count: its second lack of memory ends the row.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.errors import Fault, GatewayError
from gateway.models import Event, Job, Transfer
from gateway.settings import get_settings
from gateway.work import transitions

_REASON = "needed more memory than"


class OutOfMemory(GatewayError):
    """The work on a row needs more memory than a process of the pool may use."""

    title = "Out of memory"
    fault = Fault.LIMIT


class OutOfMemoryOnce(OutOfMemory):
    """The first lack of memory in an attempt: other rows of the process may have caused it."""

    transient = True


def out_of_memory(attempt: int, events: Iterable[Event], most: str = "") -> OutOfMemory:
    """Return the error of a row: transient for the first lack of memory in its attempt, else final."""
    reason = f"{_REASON} {most or f'{get_settings().worker_memory_bytes:,} bytes'}"
    if _lacks(attempt, events):
        return OutOfMemory(f"{reason}, alone as well; move a smaller file, or ask the operator for more")
    return OutOfMemoryOnce(f"{reason}; it is tried once more, alone")


def _lacks(attempt: int, events: Iterable[Event]) -> list[Event]:
    return [each for each in events if each.attempt == attempt and each.reason.startswith(_REASON)]


def note_kill(
    session: Session, model: type[Transfer | Job], row_ids: Sequence[UUID], worker: str
) -> list[UUID]:
    """Note on the rows that the kernel ended their process; return the ids of those that the worker holds.

    Nothing else of a row changes: its lease runs out, and the next claim reads the note.
    """
    held = model.lease_until.is_not(None), model.ended_at.is_(None), model.worker == worker
    wanted: Select[Any] = select(model).where(model.id.in_(row_ids), *held)
    rows: Sequence[Transfer | Job] = session.scalars(wanted).all()
    for row in rows:
        error = out_of_memory(row.attempt, transitions.events(session, row), "the system had left")
        transitions.note(session, row, error.detail, actor="")
    return [row.id for row in rows]


def has_lacked(session: Session, row: Transfer | Job) -> bool:
    """Tell whether work on the row has lacked memory in its attempt."""
    return bool(_lacks(row.attempt, transitions.events(session, row)))


def final_reason(session: Session, row: Transfer | Job) -> str:
    """Return the reason by which the row ends; empty before the second lack of memory in its attempt."""
    lacks = _lacks(row.attempt, transitions.events(session, row))
    return lacks[-1].reason if len(lacks) > 1 else ""
