"""Clusters: partitions, load, queue, the health of each part, and the command that cures a fault."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api.console.pages import PageRoute, page
from api.console.visitors import SignedIn
from api.deps import read
from gateway.callers import Caller, Scope
from gateway.clusters import catalog, heartbeats, telemetry
from gateway.clusters.configuration import Cluster
from gateway.clusters.heartbeats import ClusterHealth
from gateway.db import session_scope
from gateway.models import Telemetry, WorkerSlots

router = APIRouter(include_in_schema=False, route_class=PageRoute)
NOT_WELL = "it does not answer: your operator sees the cause here"


@dataclass(frozen=True)
class ShownCluster:
    """A cluster with its health, its workers and its last figures."""

    cluster: Cluster
    health: ClusterHealth
    workers: list[WorkerSlots]
    partitions: list[dict[str, Any]]
    as_of: datetime | None


@router.get("/console/clusters")
def show_clusters(request: Request, caller: SignedIn) -> Response:
    """Show all clusters; figures that are too old are requested for the next look."""
    shown = read(lambda session: load_clusters(session, caller))
    _request_figures(shown)
    template = "parts/clusters.html" if "hx-request" in request.headers else "clusters.html"
    return page(request, template, section="clusters", clusters=shown)


def load_clusters(session: Session, caller: Caller) -> list[ShownCluster]:
    """Return the clusters as the caller may see them: reasons may hold paths, and are the operator's."""
    clusters = catalog.list_clusters(session)
    health = heartbeats.health_of_clusters(session, clusters)
    workers = heartbeats.list_workers(session)
    explain = caller.scope.holds(Scope.OPERATOR)
    shown = {name: each if explain else _brief(each) for name, each in health.items()}
    return [
        _show(session, cluster, shown[cluster.name], workers.get(cluster.name, [])) for cluster in clusters
    ]


def _show(
    session: Session, cluster: Cluster, health: ClusterHealth, workers: list[WorkerSlots]
) -> ShownCluster:
    figures = session.get(Telemetry, cluster.name)
    partitions = figures.partitions if figures else []
    return ShownCluster(cluster, health, workers, partitions, figures.as_of if figures else None)


def _brief(health: ClusterHealth) -> ClusterHealth:
    return ClusterHealth(
        *(problem and NOT_WELL for problem in (health.worker, health.scheduler, health.filesystem))
    )


def _request_figures(shown: list[ShownCluster]) -> None:
    """Request figures of the clusters that have a worker; their watchers answer within seconds."""
    served = [each.cluster.name for each in shown if not each.health.worker]
    old = read(lambda session: [name for name in served if not telemetry.fresh_telemetry(session, name)])
    if old:
        with session_scope() as session:
            for name in old:
                telemetry.request_telemetry(session, name)
