"""The reason of a row as reads show it: one that nothing has begun says when no worker is connected.

Reads judge it themselves, as the sweep, which writes the same sentence to the rows, may be away too.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal

from gateway.db import db_now
from gateway.leases import watcher_lease
from gateway.models import Job, Lease, Transfer, Workflow
from gateway.work.claims import is_unclaimed
from gateway.work.json_values import json_value

NO_WORKER = "no worker is connected to '{}'; it waits until one connects"
AFTER_S = 5.0  # a worker that starts anew is no news


def shown_column(model: type[Transfer | Job | Workflow], name: str) -> ColumnElement[Any]:
    """Return a column as JSON and a status show it."""
    if name == "reason" and issubclass(model, Transfer | Job):
        return _shown_reason(model)
    return json_value(getattr(model, name))


def _shown_reason(model: type[Transfer | Job]) -> ColumnElement[str]:
    cluster = model.infrastructure
    before, after = NO_WORKER.split("{}")
    lease = literal(watcher_lease("")).concat(cluster)
    is_served = exists().where(Lease.name == lease, Lease.until > db_now())
    waits = (
        *(model.reason == "", model.state.in_(model.awaiting_worker), is_unclaimed(model)),
        *(model.is_childless(), func.coalesce(model.lease_until, model.queued_at) < db_now(-AFTER_S)),
    )
    unserved = literal(before).concat(cluster).concat(after)
    return case((and_(*waits, ~is_served), unserved), else_=model.reason).label("reason")
