"""Named leases: they allow one watcher per cluster and one sweeper at a time."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Lease


def watcher_lease(infrastructure: str) -> str:
    """Return the name of a watcher's lease; while it is held, a worker serves the cluster."""
    return f"watch:{infrastructure}"


def acquire_lease(session: Session, name: str, holder: str, for_s: float) -> bool:
    """Acquire or extend a lease; return False when another holder has it."""
    statement = (
        update(Lease)
        .where(Lease.name == name, (Lease.holder == holder) | (Lease.until <= db_now()))
        .values(holder=holder, until=db_now(for_s))
        .returning(Lease.name)
        .execution_options(synchronize_session=False)
    )
    if session.execute(statement).one_or_none():
        return True
    if session.scalar(select(Lease.name).where(Lease.name == name)):
        return False
    try:
        with session.begin_nested():
            session.add(Lease(name=name, holder=holder, until=db_now(for_s)))
    except IntegrityError:  # another holder inserted it first
        return False
    return True


def release_lease(session: Session, name: str, holder: str) -> None:
    """End a lease early, so that the next holder need not wait for its expiry."""
    statement = update(Lease).where(Lease.name == name, Lease.holder == holder).values(until=db_now())
    session.execute(statement.execution_options(synchronize_session=False))


def held_leases(session: Session, names: Iterable[str]) -> set[str]:
    """Return the names of the leases that are held now."""
    return set(session.scalars(select(Lease.name).where(Lease.name.in_(list(names)), Lease.until > db_now())))
