"""The sweep: rows that nobody took are sent again, rows that no worker serves say so and at last fail."""

from typing import TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from gateway import leases
from gateway.db import db_now
from gateway.errors import Fault
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.transfers import lifecycle as transfers
from gateway.transfers import prefixes
from gateway.work import idempotency
from gateway.work.claims import is_unclaimed
from gateway.work.failures import fail
from gateway.work.outbox import publish, take_overdue

BATCH = 500
LEASE = "housekeeping.sweep"
LEASE_PERIODS = 5  # a sweeper that missed so many rounds is replaced
Row = TypeVar("Row", bound=Transfer | Job)


def sweep(session: Session) -> None:
    """Do one round, and send the rows that no worker took in time."""
    prefixes.update_parents(session)
    idempotency.forget_expired(session)
    transfers.erase_credentials(session)
    _unserved(session, Transfer)
    _unserved(session, Job)
    publish(session, *take_overdue(session, BATCH))


def _unserved(session: Session, model: type[Row]) -> None:
    """Find the clusters that work waits for and that no worker serves."""
    waiting = set(session.scalars(select(model.infrastructure).where(_awaits_worker(model)).distinct()))
    served = leases.held_leases(session, map(leases.watcher_lease, waiting))
    for name in waiting:
        if leases.watcher_lease(name) not in served:
            _tell(session, model, name)


def _awaits_worker(model: type[Row]) -> ColumnElement[bool]:
    return model.state.in_(model.awaiting_worker)


def _tell(session: Session, model: type[Row], name: str) -> None:
    """Tell the rows why they wait; fail those that waited for too long."""
    settings = get_settings()
    since = func.coalesce(model.lease_until, model.queued_at)
    mine = model.infrastructure == name, _awaits_worker(model), is_unclaimed(model), model.is_childless()
    idle = select(model).where(*mine).limit(BATCH).with_for_update(skip_locked=True)
    for row in session.scalars(idle.where(since < db_now(-settings.unserved_s))):
        fail(
            session, row, f"no worker was connected to {name!r} for {settings.unserved_s:g} s", Fault.WORKERS
        )
    reason = f"no worker is connected to {name!r}; this waits until one is"
    for row in session.scalars(idle.where(since < db_now(-settings.send_again_s), model.reason != reason)):
        row.reason = reason
