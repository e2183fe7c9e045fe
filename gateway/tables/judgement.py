"""The life of a judgement: requested when a table is staged, claimed by a judge, known or unknown at its end.

The row is the truth: an open row whose judge is gone is claimed again when its lease has expired.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, insert, literal, or_, select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in, utc_now
from gateway.models import JudgedTable, Transfer
from gateway.states import JudgementState, TransferState
from gateway.tables.beginnings import STAGED, forget_early, set_known

LEASE_S = 120.0  # more than the longest time of a judge
MOST_CLAIMS = 3
_COLUMNS = ("transfer_id", "infrastructure", "state", "problem", "reason", "claim", "created_at")
Listener = Callable[[Session, JudgedTable], None]
_listeners: list[Listener] = []


def on_judged(listener: Listener) -> Listener:
    """Have the listener called when a table is known or unknown, inside the transaction that ends it."""
    _listeners.append(listener)
    return listener


def judgement_of(session: Session, transfer_id: UUID) -> JudgedTable | None:
    """Return the judgement of a transfer's table, None where it was not requested."""
    return session.get(JudgedTable, transfer_id)


def preview_of(session: Session, transfer_id: UUID) -> bytes | None:
    """Return the packed preview of a transfer's table, None while there is none."""
    return session.scalar(select(JudgedTable.preview).where(JudgedTable.transfer_id == transfer_id))


def request_judgements(session: Session, which: ColumnElement[bool]) -> None:
    """Request the judgement of the staged tables among some completed transfers.

    Files below a prefix are judged when they are asked about: a prefix may have a hundred thousand.
    """
    forget_early(session, which)
    wanted = and_(which, Transfer.kind.in_(STAGED), Transfer.parent_id.is_(None), Transfer.children.is_(None))
    _insert(session, wanted)


def request_one(session: Session, row: Transfer) -> JudgedTable | None:
    """Return the judgement of a transfer; request it where there is none of a completed one."""
    if found := judgement_of(session, row.id):
        return found
    if row.state is not TransferState.COMPLETED or row.children is not None or row.kind not in STAGED:
        return None
    _insert(session, Transfer.id == row.id)
    return judgement_of(session, row.id)


def _insert(session: Session, which: ColumnElement[bool]) -> None:
    unjudged = ~select(JudgedTable.transfer_id).where(JudgedTable.transfer_id == Transfer.id).exists()
    values = (
        *(Transfer.id, Transfer.infrastructure, literal(str(JudgementState.JUDGING))),
        *(literal(""), literal(""), literal(0), literal(utc_now(), JudgedTable.created_at.type)),
    )
    session.execute(insert(JudgedTable).from_select(_COLUMNS, select(*values).where(which, unjudged)))


def is_any_open(session: Session, infrastructure: str) -> bool:
    """Tell whether a table of the cluster may wait for its judge."""
    which = JudgedTable.infrastructure == infrastructure, JudgedTable.ended_at.is_(None)
    return session.scalar(select(JudgedTable.transfer_id).where(*which, _is_free()).limit(1)) is not None


def _is_free() -> ColumnElement[bool]:
    return or_(JudgedTable.lease_until.is_(None), JudgedTable.lease_until < db_now())


def claim_next(session: Session, infrastructure: str, after: str = "") -> JudgedTable | None:
    """Claim the next open judgement of a cluster, or return None; end those that have killed their judges.

    Owners take turns in the order of their names, from the one behind `after` on.
    """
    mine = JudgedTable.infrastructure == infrastructure, JudgedTable.ended_at.is_(None), _is_free()
    while row := session.scalar(_next(after, *mine)):
        if row.claim < MOST_CLAIMS:
            row.claim += 1
            row.lease_until = due_in(LEASE_S)
            session.flush()
            return row
        end_unknown(session, row, f"the judge of this table ended {MOST_CLAIMS} times without a word")
        session.flush()
    return None


def _next(after: str, *conditions: ColumnElement[bool]) -> Select[JudgedTable]:
    in_turn = Transfer.owner <= after, Transfer.owner, JudgedTable.created_at
    return (
        select(JudgedTable)
        .join(Transfer, Transfer.id == JudgedTable.transfer_id)
        .where(*conditions)
        .order_by(*in_turn)
        .limit(1)
        .with_for_update(skip_locked=True, of=JudgedTable)
    )


def lock(session: Session, claimed: JudgedTable) -> JudgedTable | None:
    """Lock a claimed row; None where it is gone, has ended or was claimed again."""
    held = JudgedTable.transfer_id == claimed.transfer_id, JudgedTable.claim == claimed.claim
    open_row = select(JudgedTable).where(*held, JudgedTable.ended_at.is_(None))
    found: JudgedTable | None = session.scalar(
        open_row.with_for_update().execution_options(populate_existing=True)
    )
    return found


def leave_open(session: Session, claimed: JudgedTable) -> None:
    """Leave a claimed row to the next judge at once."""
    if row := lock(session, claimed):
        row.lease_until = None


def record_known(
    session: Session, row: JudgedTable, understood: dict[str, Any], preview: bytes | None
) -> None:
    """Record the kernels' document: of the beginning of the table, or with `whole` of all of it."""
    is_news = row.state is JudgementState.JUDGING
    set_known(row, understood, preview)
    if understood.get("whole"):
        _end(row)
    if is_news:
        _tell(session, row)


def end_unknown(session: Session, row: JudgedTable, reason: str) -> None:
    """End a judgement without another word of the kernels; the beginning stays known where it is."""
    row.reason = reason
    _end(row)
    if row.state is JudgementState.JUDGING:
        row.state = JudgementState.UNKNOWN
        _tell(session, row)


def _end(row: JudgedTable) -> None:
    row.ended_at, row.lease_until = utc_now(), None


def _tell(session: Session, row: JudgedTable) -> None:
    session.flush()
    for listener in _listeners:
        listener(session, row)
