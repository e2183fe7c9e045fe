"""Heartbeats: each cluster's worker records the health of its scheduler and its filesystem."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import leases
from gateway.clusters.configuration import Cluster
from gateway.db import db_now, due_in
from gateway.models import Heartbeat

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


def record_heartbeat(
    session: Session, infrastructure: str, worker: str, scheduler: str, filesystem: str
) -> None:
    """Store the result of a health check, with the database's current time."""
    heartbeat = Heartbeat(
        infrastructure=infrastructure,
        at=due_in(0),
        worker=worker,
        scheduler=scheduler,
        filesystem=filesystem,
    )
    session.merge(heartbeat)


def health_of_clusters(session: Session, clusters: list[Cluster]) -> dict[str, ClusterHealth]:
    """Return the health of each cluster, from its worker's last heartbeat."""
    served = leases.held_leases(session, [leases.watcher_lease(cluster.name) for cluster in clusters])
    recent = {
        row.infrastructure: row
        for row in session.scalars(select(Heartbeat).where(Heartbeat.at >= db_now(-VALID_S)))
    }
    return {
        cluster.name: _health(
            cluster.name, recent.get(cluster.name), served=leases.watcher_lease(cluster.name) in served
        )
        for cluster in clusters
    }


def _health(name: str, heartbeat: Heartbeat | None, *, served: bool) -> ClusterHealth:
    if not served:
        return ClusterHealth(f"no worker is connected: `hpc-gateway worker {name}`", "not known", "not known")
    if heartbeat is None:
        return ClusterHealth("", "not tried yet", "not tried yet")
    return ClusterHealth("", heartbeat.scheduler, heartbeat.filesystem)
