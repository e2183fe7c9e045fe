"""The judgement of the beginning of a table that is still on its way.

Its row has ended from the first and has no claim: no judge takes it. The judgement of the whole file takes
its place when the transfer completes.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.models import JudgedTable, Transfer
from gateway.states import JudgementState, TransferState

STAGED = ("data", "s3_data")
EARLY = -1
_AT_ONCE = 8


def find_arriving(session: Session, infrastructure: str, least_bytes: int, after: str) -> list[Transfer]:
    """Return transfers of so many bytes that are under way and not judged: the oldest of each owner first.

    Owners take turns in the order of their names, from the one behind `after` on.
    """
    which = Transfer.infrastructure == infrastructure, Transfer.bytes_done >= least_bytes, _is_arriving()
    place = func.row_number().over(partition_by=Transfer.owner, order_by=Transfer.created_at).label("place")
    found = select(Transfer.id, place).where(*which).subquery()
    in_turn = found.c.place, Transfer.owner <= after, Transfer.owner
    rows = select(Transfer).join(found, found.c.id == Transfer.id).order_by(*in_turn).limit(_AT_ONCE)
    return list(session.scalars(rows))


def begin_early(session: Session, transfer_id: UUID) -> bool:
    """Insert the row of a judgement; return False where the transfer has ended or is judged."""
    arriving = select(Transfer).where(Transfer.id == transfer_id, _is_arriving())
    row = session.scalar(arriving.with_for_update(skip_locked=True))
    if row is None:
        return False
    session.add(
        JudgedTable(transfer_id=row.id, infrastructure=row.infrastructure, claim=EARLY, ended_at=utc_now())
    )
    return True


def record_early(
    session: Session, transfer_id: UUID, understood: dict[str, Any], preview: bytes | None
) -> None:
    """Record the kernels' document about the beginning; nothing where the whole file is judged by now."""
    which = JudgedTable.transfer_id == transfer_id, JudgedTable.claim == EARLY
    row = session.scalar(select(JudgedTable).where(*which).with_for_update())
    if row is not None:
        set_known(row, understood, preview)


def set_known(row: JudgedTable, understood: dict[str, Any], preview: bytes | None) -> None:
    """Set the columns of the kernels' document; a preview stays where there is no new one."""
    row.state, row.understood, row.problem = JudgementState.KNOWN, understood, understood.get("problem") or ""
    row.preview = preview or row.preview


def forget_early(session: Session, which: ColumnElement[bool]) -> None:
    """Remove the judgements of the beginnings of some transfers."""
    of_them = JudgedTable.transfer_id.in_(select(Transfer.id).where(which)), JudgedTable.claim == EARLY
    session.execute(delete(JudgedTable).where(*of_them).execution_options(synchronize_session=False))


def _is_arriving() -> ColumnElement[bool]:
    is_judged = exists().where(JudgedTable.transfer_id == Transfer.id)
    is_one_file = Transfer.parent_id.is_(None) & Transfer.children.is_(None) & Transfer.kind.in_(STAGED)
    return is_one_file & (Transfer.state == TransferState.TRANSFERRING) & ~is_judged
