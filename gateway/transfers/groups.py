"""Groups of small transfers: a few statements to claim and to complete the rows of one message.

A single transfer costs a message, four transactions and a thread, many times the cost of a few kilobytes.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, and_, case, literal, or_
from sqlalchemy.orm import Session

from gateway.models import Transfer
from gateway.models.base import CleanText
from gateway.states import TransferState
from gateway.tables.judgement import request_judgements
from gateway.transfers.outcome import NO_OUTCOME, Outcome
from gateway.work.claims import Claim
from gateway.work.group_claims import claim_rows, lock_rows
from gateway.work.transitions import move_many


def claim_group(session: Session, row_ids: Iterable[UUID], worker: str) -> list[tuple[Claim, Transfer]]:
    """Claim the transfers that are not begun or were handed back, and return them as they were before."""
    handed_back = and_(
        Transfer.state == TransferState.TRANSFERRING,
        Transfer.lease_until.is_(None),
        Transfer.failures == 0,
        Transfer.is_childless(),
    )
    unbegun = Transfer.id.in_(row_ids), or_(Transfer.state == TransferState.ACCEPTED, handed_back)
    return claim_rows(session, Transfer, unbegun, TransferState.TRANSFERRING, worker, leftovers=True)


def complete_group(
    session: Session, done: Mapping[Claim, int], outcomes: Mapping[Claim, Outcome] = MappingProxyType({})
) -> set[Claim]:
    """Complete the claimed transfers with their numbers of bytes; return the claims of locked rows.

    A row that has ended before, or that another worker has claimed since, stays as it is.
    """
    held, left = lock_rows(session, Transfer, done.keys(), TransferState.TRANSFERRING)
    found = {each.id: outcomes.get(each, NO_OUTCOME) for each in held}
    _complete(session, {each.id: done[each] for each in held}, found)
    return left


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
    request_judgements(session, Transfer.id.in_(moved))


def _by_row(values: Mapping[UUID, Any], otherwise: Any = None) -> Any:
    """Return the SQL of a value for each row."""
    return case(dict(values), value=Transfer.id, else_=otherwise)
