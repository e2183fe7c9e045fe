"""Yielding: the owner with the most slots hands one back while another owner waits below its share.

It hands back its slowest transfer that can resume. Work that cannot resume is not handed back once it is
under way; an owner holds at most all slots but one with it.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Transfer
from gateway.work.turns import Load, count_share, do_others_wait, load_cluster, most_fixed, published


def has_to_yield(session: Session, row_id: UUID) -> bool:
    """Tell whether the message of this row is the one that its owner has to hand back now."""
    named = select(Transfer.infrastructure, Transfer.owner, Transfer.message_id).where(Transfer.id == row_id)
    row = session.execute(named).one_or_none()
    if row is None:
        return False
    slots, loads = load_cluster(session, Transfer, row.infrastructure)
    if slots is None or sum(load.held for load in loads.values()) < slots:
        return False
    share = count_share(slots, loads)
    if row.owner != _richest(loads, share) or not do_others_wait(loads, row.owner, share):
        return False
    return bool(row.message_id == _slowest(session, row.infrastructure, row.owner))


def _richest(loads: Mapping[str, Load], share: int) -> str | None:
    """Return the owner with the most slots of those that are above their share and can hand one back."""
    able = [(load.held, owner) for owner, load in loads.items() if load.held > max(share, load.fixed)]
    return max(able)[1] if able else None


def _slowest(session: Session, infrastructure: str, owner: str) -> UUID | None:
    """Return the claimed message of the owner that moves the fewest bytes per second and can resume."""
    rate = func.sum(func.coalesce(Transfer.bytes_per_s, 0))
    held = published(Transfer, infrastructure), Transfer.owner == owner, Transfer.lease_until >= db_now()
    by_rate = select(Transfer.message_id).where(*held, Transfer.may_yield).group_by(Transfer.message_id)
    return session.scalar(by_rate.order_by(rate, Transfer.message_id).limit(1))


def has_too_many_fixed(session: Session, row: Transfer) -> bool:
    """Tell whether the owner's claimed work that cannot resume leaves no slot to others."""
    slots, loads = load_cluster(session, Transfer, row.infrastructure)
    return slots is not None and loads.get(row.owner, Load()).fixed > most_fixed(slots)
