"""Heartbeats: each cluster's worker records its slots, and the health of scheduler and filesystem."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, ScalarSelect, delete, func, select
from sqlalchemy.orm import Session

from gateway import leases
from gateway.clusters.configuration import Cluster, worker_command
from gateway.clusters.queue_names import short_slots
from gateway.db import db_now, due_in
from gateway.models import Heartbeat, WorkerSlots
from gateway.settings import get_settings

PERIOD_S = 10.0
VALID_S = 60.0


@dataclass(frozen=True)
class ClusterHealth:
    """The health of a cluster: each field is empty when all is well, else it names the problem."""

    worker: str
    scheduler: str
    filesystem: str

    @property
    def ok(self) -> bool:
        """Whether the cluster can do work."""
        return not (self.worker or self.scheduler or self.filesystem)


def record_slots(session: Session, infrastructure: str, worker: str, concurrency: int) -> None:
    """Record the slots of a worker for as long as a lease lasts, and forget those of silent workers."""
    silent = WorkerSlots.infrastructure == infrastructure, WorkerSlots.until < db_now()
    session.execute(delete(WorkerSlots).where(*silent).execution_options(synchronize_session=False))
    slots = WorkerSlots(
        infrastructure=infrastructure,
        worker=worker,
        long=concurrency,
        short=short_slots(concurrency),
        until=due_in(get_settings().lease_s),
    )
    session.merge(slots)


def forget_slots(session: Session, infrastructure: str, worker: str) -> None:
    """Forget the slots of a worker that stops."""
    mine = WorkerSlots.infrastructure == infrastructure, WorkerSlots.worker == worker
    session.execute(delete(WorkerSlots).where(*mine).execution_options(synchronize_session=False))


def count_slots(infrastructure: str | BindParameter[str], *, moves_bytes: bool) -> ScalarSelect[int | None]:
    """Return the subquery of a cluster's slots of one kind of work: NULL while no worker is known."""
    slots = WorkerSlots.long if moves_bytes else WorkerSlots.short
    alive = WorkerSlots.infrastructure == infrastructure, WorkerSlots.until >= db_now()
    return select(func.sum(slots)).where(*alive).scalar_subquery()


def list_workers(session: Session) -> dict[str, list[WorkerSlots]]:
    """Return the workers of each cluster that has some, by their names."""
    found: dict[str, list[WorkerSlots]] = {}
    alive = select(WorkerSlots).where(WorkerSlots.until >= db_now()).order_by(WorkerSlots.worker)
    for row in session.scalars(alive):
        found.setdefault(row.infrastructure, []).append(row)
    return found


def record_heartbeat(
    session: Session,
    infrastructure: str,
    worker: str,
    scheduler: str,
    filesystem: str,
    *,
    definition: str | None = None,
) -> None:
    """Store the result of a health check, with the database's current time."""
    heartbeat = Heartbeat(
        infrastructure=infrastructure,
        at=due_in(0),
        worker=worker,
        scheduler=scheduler,
        filesystem=filesystem,
        definition=definition,
    )
    session.merge(heartbeat)


def find_difference(session: Session, cluster: Cluster) -> str:
    """Return a sentence where the worker of the cluster has another definition of it than this process."""
    found = session.scalar(
        select(Heartbeat.definition).where(
            Heartbeat.infrastructure == cluster.name, Heartbeat.at >= db_now(-VALID_S)
        )
    )
    if found is None or found == cluster.fingerprint:
        return ""
    return (
        f"the worker of {cluster.name!r} has another definition of it than the API: both need the same"
        " infrastructures.toml, keys.toml and settings; start those again that were changed"
    )


def health_of_clusters(session: Session, clusters: list[Cluster]) -> dict[str, ClusterHealth]:
    """Return the health of each cluster, from its worker's last heartbeat."""
    served = leases.held_leases(session, [leases.watcher_lease(cluster.name) for cluster in clusters])
    recent = {
        row.infrastructure: row
        for row in session.scalars(select(Heartbeat).where(Heartbeat.at >= db_now(-VALID_S)))
    }
    return {
        cluster.name: _health(
            cluster, recent.get(cluster.name), served=leases.watcher_lease(cluster.name) in served
        )
        for cluster in clusters
    }


def _health(cluster: Cluster, heartbeat: Heartbeat | None, *, served: bool) -> ClusterHealth:
    if not served:
        told = f"no worker is connected: {worker_command(cluster.name)}"
        return ClusterHealth(told, "not known", "not known")
    if heartbeat is None:
        return ClusterHealth("", "not tried yet", "not tried yet")
    return ClusterHealth("", heartbeat.scheduler, heartbeat.filesystem)
