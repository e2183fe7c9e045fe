"""The overview of the gateway: work by cluster and state, health of clusters, and recent failures."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from gateway.clusters import catalog, heartbeats
from gateway.clusters.heartbeats import ClusterHealth
from gateway.db import db_now, utc_now
from gateway.errors import Fault
from gateway.events.webhooks.health import LEASE as WEBHOOK_LEASE
from gateway.events.webhooks.health import LEASE_S as WEBHOOK_LEASE_S
from gateway.events.webhooks.health import webhook_health
from gateway.models import Job, Lease, Transfer, Workflow
from gateway.operations.sweep import LEASE as SWEEP_LEASE
from gateway.operations.sweep import LEASE_PERIODS as SWEEP_LEASE_PERIODS
from gateway.settings import get_settings
from gateway.states import JobState, State, TransferState, is_retryable

LATELY_S = 3600.0
MOST_REASONS = 20
REASON_LENGTH = 120


@dataclass(frozen=True)
class Count:
    """The number of rows of a kind in a state on a cluster."""

    kind: str
    infrastructure: str
    state: str
    count: int


@dataclass(frozen=True)
class Failure:
    """A reason of the last hour's failures."""

    kind: str
    infrastructure: str
    fault: Fault | None
    reason: str
    count: int
    latest: datetime


class Overview(BaseModel):
    """Queues, workers, clusters, and the failures of the last hour."""

    as_of: datetime
    broker: str = Field("", description="Empty when the queue answers.")
    queues: dict[str, int] = Field({}, description="Messages that wait, by cluster: those of all its queues.")
    clusters: dict[str, ClusterHealth]
    work: list[Count]
    failures: list[Failure] = Field(description="The most frequent first; none that was cancelled.")
    waiting_since: dict[str, datetime] = Field(description="Arrival of the first in line, by cluster.")
    rounds_s: dict[str, float] = Field(
        description="Seconds since the last round of the sweeper, of each watcher, and of webhooks."
    )
    webhooks: str = Field("", description="Empty when webhooks are delivered, or there are none.")


def overview(session: Session) -> Overview:
    """Return the overview of this moment."""
    return Overview(
        as_of=utc_now(),
        clusters=heartbeats.health_of_clusters(session, catalog.list_clusters(session)),
        work=work(session),
        failures=failures(session),
        waiting_since=waiting_since(session),
        rounds_s=rounds_s(session),
        webhooks=delivery.problem if (delivery := webhook_health(session)) else "",
    )


def work(session: Session) -> list[Count]:
    """Count all rows by kind, cluster and state."""
    kinds = (Transfer.kind, Transfer.infrastructure, Transfer.state)
    transfers = session.execute(select(*kinds, func.count()).group_by(*kinds))
    found = [Count(kind, name, str(state), count) for kind, name, state, count in transfers]
    for word, model in (("job", Job), ("workflow", Workflow)):
        keys = model.infrastructure, model.state
        rows = session.execute(select(*keys, func.count()).group_by(*keys))
        found += [Count(word, name, str(state), count) for name, state, count in rows]
    return found


def failures(session: Session) -> list[Failure]:
    """Group the bad ends of the last hour by reason, the most frequent first."""
    found = [*_failures(session, Transfer), *_failures(session, Job)]
    return sorted(found, key=lambda failure: -failure.count)[:MOST_REASONS]


def _failures(session: Session, model: type[Transfer] | type[Job]) -> list[Failure]:
    kind = Transfer.kind if model is Transfer else Job.infrastructure
    reason = func.substr(model.reason, 1, literal_column(str(REASON_LENGTH)))
    rows = session.execute(
        select(kind, model.infrastructure, model.fault, reason, func.count(), func.max(model.ended_at))
        .where(model.state.in_(bad_ends(model)), model.ended_at >= db_now(-LATELY_S))
        .group_by(kind, model.infrastructure, model.fault, reason)
        .order_by(func.count().desc())
        .limit(MOST_REASONS)
    )
    return [Failure(row[0] if model is Transfer else "job", *row[1:]) for row in rows]


def bad_ends(model: type[Transfer] | type[Job]) -> list[State]:
    """Return the final states of failures; a cancel on request is none."""
    return [state for state in model.states if is_retryable(state) and state is not model.cancelled]


def waiting_since(session: Session) -> dict[str, datetime]:
    """Return the arrival of the oldest waiting row on each cluster."""
    oldest: dict[str, datetime] = {}
    for model, accepted in ((Transfer, TransferState.ACCEPTED), (Job, JobState.ACCEPTED)):
        statement = select(model.infrastructure, func.min(model.queued_at)).where(model.state == accepted)
        for name, since in session.execute(statement.group_by(model.infrastructure)):
            oldest[name] = min(oldest.get(name, since), since)
    return oldest


def rounds_s(session: Session) -> dict[str, float]:
    """Return the seconds since each holder of a lease renewed it, once in every round."""
    settings = get_settings()
    length_s = {SWEEP_LEASE: SWEEP_LEASE_PERIODS * settings.sweep_s, WEBHOOK_LEASE: WEBHOOK_LEASE_S}
    rows = session.execute(select(Lease.name, Lease.until, db_now()))
    return {
        name: (now - until).total_seconds() + length_s.get(name, settings.lease_s)
        for name, until, now in rows
    }
