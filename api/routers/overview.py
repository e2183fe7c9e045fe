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
    """Show what waits and runs where, who serves it, and what failed in the last hour."""
    found = read(overview)
    broker, queues = queue_depths([HOUSEKEEPING, *found.clusters])
    return found.model_copy(update={"broker": broker, "queues": queues})
