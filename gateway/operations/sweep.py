"""The sweep: send overdue rows again; fail rows that have waited too long for a worker of their cluster."""

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
from gateway.work.outbox import publish
from gateway.work.overdue import take_overdue
from gateway.work.unserved import NO_WORKER
from gateway.workflows import lifecycle as workflows
from gateway.workflows.advance import advance_unanswered

BATCH = 500
LEASE = "housekeeping.sweep"
LEASE_PERIODS = 5  # a sweeper that missed so many rounds is replaced
Row = TypeVar("Row", bound=Transfer | Job)


def sweep(session: Session) -> None:
    """Sweep once: parents, expired keys, old secrets, workflows that wait for a check, overdue rows."""
    prefixes.update_parents(session)
    idempotency.forget_expired(session)
    transfers.erase_credentials(session)
    workflows.erase_secrets(session)
    workflows.cancel_lost_steps(session)
    advance_unanswered(session)
    _update_unserved(session, Transfer)
    _update_unserved(session, Job)
    publish(session, *take_overdue(session, BATCH))


def _update_unserved(session: Session, model: type[Row]) -> None:
    """Update the waiting rows of each cluster that no worker serves."""
    waiting = set(session.scalars(select(model.infrastructure).where(_awaits_worker(model)).distinct()))
    served = leases.held_leases(session, map(leases.watcher_lease, waiting))
    for name in waiting:
        if leases.watcher_lease(name) not in served:
            _update_waiting(session, model, name)


def _awaits_worker(model: type[Row]) -> ColumnElement[bool]:
    return model.state.in_(model.awaiting_worker)


def _update_waiting(session: Session, model: type[Row], name: str) -> None:
    """Write to the rows of a cluster why they wait, and fail those that have waited too long."""
    settings = get_settings()
    since = func.coalesce(model.lease_until, model.queued_at)
    mine = model.infrastructure == name, _awaits_worker(model), is_unclaimed(model), model.is_childless()
    idle = select(model).where(*mine).limit(BATCH).with_for_update(skip_locked=True)
    for row in session.scalars(idle.where(since < db_now(-settings.unserved_s))):
        fail(
            session, row, f"no worker was connected to {name!r} for {settings.unserved_s:g} s", Fault.WORKERS
        )
    reason = NO_WORKER.format(name)
    for row in session.scalars(idle.where(since < db_now(-settings.send_again_s), model.reason != reason)):
        row.reason = reason
