"""Overview: the whole gateway on one screen, for operators."""

from fastapi import APIRouter, Request, Response

from api.console.clusters import load_clusters
from api.console.labels import TITLES
from api.console.pages import PageRoute, page
from api.console.visitors import SignedInOperator
from api.deps import read
from gateway.operations.overview import overview
from gateway.queue.depth import cluster_depths
from gateway.settings import get_settings

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/overview")
def show_overview(request: Request, caller: SignedInOperator) -> Response:
    """Show queues, clusters, work by state and the failures of the last hour."""
    current = read(overview)
    broker, queues = cluster_depths(current.clusters)
    settings = get_settings()
    template = "parts/overview.html" if "hx-request" in request.headers else "overview.html"
    return page(
        request,
        template,
        section="overview",
        overview=current.model_copy(update={"broker": broker, "queues": queues}),
        clusters=read(lambda session: load_clusters(session, caller)),
        titles=TITLES,
        links={"Flower": settings.flower_url, "Grafana": settings.grafana_url},
    )
