"""Heartbeats: each cluster's worker tries its scheduler and its files, and writes down what it found."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import leases
from gateway.clusters.configuration import Cluster
from gateway.db import db_now, due_in
from gateway.models import Heartbeat

PERIOD_S = 10.0
SILENT_S = 60.0


@dataclass(frozen=True)
class ClusterHealth:
    """How a cluster is: each field is empty when all is well, else says what is wrong."""

    worker: str
    scheduler: str
    filesystem: str

    @property
    def ok(self) -> bool:
        """Whether work can be done there."""
        return not (self.worker or self.scheduler or self.filesystem)


def record_heartbeat(
    session: Session, infrastructure: str, worker: str, scheduler: str, filesystem: str
) -> None:
    """Write down what the worker found just now."""
    found = Heartbeat(
        infrastructure=infrastructure,
        at=due_in(0),
        worker=worker,
        scheduler=scheduler,
        filesystem=filesystem,
    )
    session.merge(found)


def health_of_clusters(session: Session, clusters: list[Cluster]) -> dict[str, ClusterHealth]:
    """Return how each cluster is, by what its worker last wrote."""
    served = leases.held_leases(session, [leases.watcher_lease(cluster.name) for cluster in clusters])
    recent = {
        row.infrastructure: row
        for row in session.scalars(select(Heartbeat).where(Heartbeat.at >= db_now(-SILENT_S)))
    }
    return {
        cluster.name: _pulse(
            cluster.name, recent.get(cluster.name), served=leases.watcher_lease(cluster.name) in served
        )
        for cluster in clusters
    }


def _pulse(name: str, found: Heartbeat | None, *, served: bool) -> ClusterHealth:
    if not served:
        return ClusterHealth(f"no worker is connected: `hpc-gateway worker {name}`", "not known", "not known")
    if found is None:
        return ClusterHealth("", "not tried yet", "not tried yet")
    return ClusterHealth("", found.scheduler, found.filesystem)
