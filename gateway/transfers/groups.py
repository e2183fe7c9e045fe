"""Groups of small transfers: a few statements to claim and to complete the rows of one message.

A single transfer costs a message, four transactions and a thread, many times the cost of a few kilobytes. A
group holds rows that no worker has begun: a row that fails or kills its worker has a message of its own from
then on, so it takes no other down with it. Locked rows are skipped, so that groups never wait in a circle.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ColumnElement, and_, case, literal, or_, select, update
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Transfer
from gateway.models.base import CleanText
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers.outcome import NO_OUTCOME, Outcome
from gateway.work import turns
from gateway.work.claims import Claim, is_unclaimed
from gateway.work.transitions import move_many


def claim_group(session: Session, row_ids: Iterable[UUID], worker: str) -> list[tuple[Claim, Transfer]]:
    """Claim the transfers that are not begun or were handed back, and return them as they were before."""
    handed_back = and_(
        Transfer.state == TransferState.TRANSFERRING,
        Transfer.lease_until.is_(None),
        Transfer.failures == 0,
        Transfer.is_childless(),
    )
    unfailed = or_(Transfer.state == TransferState.ACCEPTED, handed_back), Transfer.retry_at.is_(None)
    idle = is_unclaimed(Transfer), Transfer.cancel_requested_at.is_(None)
    fresh = select(Transfer).where(Transfer.id.in_(row_ids), *unfailed, *idle)
    rows = session.scalars(fresh.order_by(Transfer.created_at).with_for_update(skip_locked=True)).all()
    chosen = Transfer.id.in_([row.id for row in rows])
    if not rows or not _takes_turn(session, rows[0], chosen):
        return []
    lease = db_now(get_settings().lease_s)
    move_many(
        session,
        Transfer,
        chosen,
        TransferState.TRANSFERRING,
        claim=Transfer.claim + 1,
        worker=literal(worker),
        leftovers=True,
        lease_until=lease,
        next_send_at=lease,
        message_id=rows[0].id,
        turn_at=None,
    )
    turns.send_next(session, Transfer, rows[0].infrastructure, rows[0].owner)
    return [(Claim(row.id, row.claim + 1, row.attempt, repeated=row.failures > 0), row) for row in rows]


def _takes_turn(session: Session, row: Transfer, group: ColumnElement[bool]) -> bool:
    """Tell whether it is the turn of the owner of the group; its rows wait again when it is not."""
    if turns.is_turn(session, row):
        return True
    waits = {"turn_at": Transfer.created_at, "message_id": None, "next_send_at": None}
    lined_up = update(Transfer).where(group).values(waits)
    session.execute(lined_up.execution_options(synchronize_session=False))
    return False


def complete_group(
    session: Session, done: Mapping[Claim, int], outcomes: Mapping[Claim, Outcome] = MappingProxyType({})
) -> set[Claim]:
    """Complete the claimed transfers with their numbers of bytes; return the claims of locked rows.

    A row that has ended before, or that another worker has claimed since, stays as it is.
    """
    open_ones = Transfer.id.in_([each.id for each in done]), Transfer.state == TransferState.TRANSFERRING
    look = select(Transfer.id, Transfer.claim).where(*open_ones)
    locked = {(row_id, number) for row_id, number in session.execute(look.with_for_update(skip_locked=True))}
    seen = {(row_id, number) for row_id, number in session.execute(look)}
    mine = [each for each in done if (each.id, each.number) in locked]
    found = {each.id: outcomes.get(each, NO_OUTCOME) for each in mine}
    _complete(session, {each.id: done[each] for each in mine}, found)
    return {each for each in done if (each.id, each.number) in seen - locked}


def _complete(session: Session, moved: Mapping[UUID, int], outcomes: Mapping[UUID, Outcome]) -> None:
    """Complete the locked rows, each with the number of its bytes and its outcome."""
    if not moved:
        return
    number = _by_row({row_id: literal(done, BigInteger) for row_id, done in moved.items()})
    ways = {row_id: literal(each.verification, CleanText) for row_id, each in outcomes.items()}
    warned = {
        row_id: literal(list(each.warnings), JSON) for row_id, each in outcomes.items() if each.warnings
    }
    move_many(
        session,
        Transfer,
        Transfer.id.in_(moved),
        TransferState.COMPLETED,
        bytes_done=number,
        bytes_total=number,
        verification=_by_row(ways),
        warnings=_by_row(warned, Transfer.warnings) if warned else Transfer.warnings,
        credentials=None,
        leftovers=False,
        next_send_at=None,
    )


def _by_row(values: Mapping[UUID, Any], otherwise: Any = None) -> Any:
    """Return the SQL of a value for each row."""
    return case(dict(values), value=Transfer.id, else_=otherwise)
