"""Named leases: one watcher of a cluster and one sweeper at a time, however many are started."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.db import db_now
from gateway.models import Lease


def watcher_lease(infrastructure: str) -> str:
    """Name the lease of a cluster's watcher; while it is held, a worker serves that cluster."""
    return f"watch:{infrastructure}"


def acquire_lease(session: Session, name: str, holder: str, for_s: float) -> bool:
    """Take or extend a lease; False when somebody else holds it."""
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
    except IntegrityError:  # somebody else was a moment faster
        return False
    return True


def release_lease(session: Session, name: str, holder: str) -> None:
    """End a lease early, so that the next one need not wait for it to run out."""
    statement = update(Lease).where(Lease.name == name, Lease.holder == holder).values(until=db_now())
    session.execute(statement.execution_options(synchronize_session=False))


def held_leases(session: Session, names: Iterable[str]) -> set[str]:
    """Return those of the leases that somebody holds at this moment."""
    return set(session.scalars(select(Lease.name).where(Lease.name.in_(list(names)), Lease.until > db_now())))
