"""Claims of a group: the rows of one message that no worker has begun, claimed in a few statements.

A group holds first tries alone: a row that fails or kills its worker has a message of its own from then on,
so it takes no other down with it. Locked rows are skipped, so that groups never wait in a circle.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, literal, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import State
from gateway.work import turns
from gateway.work.claims import Claim, is_unclaimed
from gateway.work.transitions import move_many

Row = TypeVar("Row", Transfer, Job)


def claim_rows(
    session: Session,
    model: type[Row],
    unbegun: Sequence[ColumnElement[bool]],
    to: State,
    worker: str,
    **more: Any,
) -> list[tuple[Claim, Row]]:
    """Claim the idle rows that meet the conditions, in their owner's turn; return them as they were before.

    `more` sets further columns.
    """
    idle = is_unclaimed(model), model.cancel_requested_at.is_(None), model.retry_at.is_(None)
    wanted = select(model).where(*unbegun, *idle).order_by(model.created_at)
    rows = session.scalars(wanted.with_for_update(skip_locked=True)).all()
    chosen = model.id.in_([row.id for row in rows])
    if not rows or not _takes_turn(session, rows[0], chosen):
        return []
    lease = db_now(get_settings().lease_s)
    move_many(
        session,
        model,
        chosen,
        to,
        claim=model.claim + 1,
        worker=literal(worker),
        lease_until=lease,
        next_send_at=lease,
        message_id=rows[0].id,
        turn_at=None,
        **more,
    )
    turns.send_next(session, model, rows[0].infrastructure, rows[0].owner)
    return [(Claim(row.id, row.claim + 1, row.attempt, repeated=row.failures > 0), row) for row in rows]


def _takes_turn(session: Session, row: Transfer | Job, group: ColumnElement[bool]) -> bool:
    """Tell whether it is the turn of the owner of the group; its rows wait again when it is not."""
    if turns.is_turn(session, row):
        return True
    model = type(row)
    waits = {"turn_at": model.queued_at, "message_id": None, "next_send_at": None}
    session.execute(update(model).where(group).values(waits).execution_options(synchronize_session=False))
    return False


def lock_rows(
    session: Session, model: type[Row], claims: Collection[Claim], state: State
) -> tuple[set[Claim], set[Claim]]:
    """Lock the claimed rows; return the claims that hold them, and those of rows that others have locked.

    The claim of a row that has left the state, or that another worker has claimed since, is in neither.
    """
    by_row = {(each.id, each.number): each for each in claims}
    open_ones = model.id.in_([each.id for each in claims]), model.state == state
    look = select(model.id, model.claim).where(*open_ones)

    def find(statement: Any) -> set[Claim]:
        found = {(row_id, number) for row_id, number in session.execute(statement)}
        return {by_row[key] for key in by_row.keys() & found}

    held = find(look.with_for_update(skip_locked=True))
    return held, set() if len(held) == len(by_row) else find(look) - held
