"""`/metrics`: the metrics for Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from api.deps import Operator
from api.one_hop import OneHopRoute
from api.problems import responses
from gateway.operations.metrics import Collector

router = APIRouter(tags=["operators"], route_class=OneHopRoute)
_rows = CollectorRegistry(auto_describe=False)
_rows.register(Collector())


@router.get("/metrics", response_class=Response, responses=responses(403, 503))
def get_metrics(_operator: Operator) -> Response:
    """Show the metrics of this process, of the rows and of the queues."""
    return Response(generate_latest(REGISTRY) + generate_latest(_rows), media_type=CONTENT_TYPE_LATEST)
