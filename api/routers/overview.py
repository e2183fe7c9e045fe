"""`/overview`: the whole gateway on one screen."""

from fastapi import APIRouter

from api.deps import Operator, read
from api.problems import responses
from gateway.operations.overview import Overview, overview
from gateway.queue import HOUSEKEEPING
from gateway.queue.depth import queue_depths

router = APIRouter(tags=["operators"])


@router.get("/overview", responses=responses(403, 503))
def get_overview(_operator: Operator) -> Overview:
    """Show the work by state, the health of the clusters and the failures of the last hour."""
    current = read(overview)
    broker, queues = queue_depths([HOUSEKEEPING, *current.clusters])
    return current.model_copy(update={"broker": broker, "queues": queues})
