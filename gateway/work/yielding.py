"""Yielding: the owner with the most slots hands one back while another owner waits below its share.

It hands back its slowest transfer that can resume. Work that cannot resume is handed back, to begin again,
only where several owners hold all slots with it and another one has none; an owner holds at most all slots
but one with it.
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
    richest, can_resume = _richest(loads, share)
    waits_for_it = do_others_wait(loads, row.owner, share if can_resume else 1)
    if row.owner != richest or not waits_for_it:
        return False
    find = _slowest if can_resume else _least_done
    return bool(row.message_id == find(session, row.infrastructure, row.owner))


def _richest(loads: Mapping[str, Load], share: int) -> tuple[str | None, bool]:
    """Return the owner with the most slots above its share, and whether it has work that can resume.

    Owners with work that can resume come first.
    """
    above = [(load.held > load.fixed, load.held, owner) for owner, load in loads.items() if load.held > share]
    can_resume, _, owner = max(above, default=(False, 0, None))
    return owner, can_resume


def _slowest(session: Session, infrastructure: str, owner: str) -> UUID | None:
    """Return the claimed message of the owner that moves the fewest bytes per second and can resume."""
    rate = func.sum(func.coalesce(Transfer.bytes_per_s, 0))
    held = published(Transfer, infrastructure), Transfer.owner == owner, Transfer.lease_until >= db_now()
    by_rate = select(Transfer.message_id).where(*held, Transfer.may_yield).group_by(Transfer.message_id)
    return session.scalar(by_rate.order_by(rate, Transfer.message_id).limit(1))


def _least_done(session: Session, infrastructure: str, owner: str) -> UUID | None:
    """Return the claimed message of the owner that has moved the fewest bytes, as these are moved again."""
    done = func.sum(Transfer.bytes_done)
    held = published(Transfer, infrastructure), Transfer.owner == owner, Transfer.lease_until >= db_now()
    least = (
        select(Transfer.message_id).where(*held, Transfer.ended_at.is_(None)).group_by(Transfer.message_id)
    )
    return session.scalar(least.order_by(done, Transfer.message_id).limit(1))


def has_too_many_fixed(session: Session, row: Transfer) -> bool:
    """Tell whether the owner's claimed work that cannot resume leaves no slot to others."""
    slots, loads = load_cluster(session, Transfer, row.infrastructure)
    return slots is not None and loads.get(row.owner, Load()).fixed > most_fixed(slots)
