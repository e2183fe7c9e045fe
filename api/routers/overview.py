"""`/overview`: the whole gateway on one screen."""

from fastapi import APIRouter

from api.deps import Operator, read
from api.one_hop import OneHopRoute
from api.problems import responses
from gateway.operations.overview import Overview, overview
from gateway.queue.depth import cluster_depths

router = APIRouter(tags=["operators"], route_class=OneHopRoute)


@router.get("/overview", responses=responses(403, 503))
def get_overview(_operator: Operator) -> Overview:
    """Show the work by state, the health of the clusters and the failures of the last hour."""
    current = read(overview)
    broker, queues = cluster_depths(current.clusters)
    return current.model_copy(update={"broker": broker, "queues": queues})
