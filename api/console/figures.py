"""Figures of options as a table: each asset with the price and the greeks of its call and its put."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from api.console.pages import PageRoute, page
from api.console.result_sources import ResultSource, job_source
from api.console.visitors import SignedIn
from api.deps import RowId, read
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, JobMember
from gateway.previews import outputs as output_previews
from gateway.previews.preview import MOST_SIGNALS, View

SERVICE = "black_scholes"
SIDES = ("call", "put")
GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho")
FIGURES = tuple(f"{side} {greek}" for greek in GREEKS for side in SIDES)
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/work/job/{id}/outputs/" + SERVICE + "/figures")
def show_figures(request: Request, caller: SignedIn, row_id: RowId) -> Response:
    """Show the figures of a job's first assets."""
    job = read(lambda session: jobs.get(session, caller, row_id))
    return figures_page(request, caller, job_source(row_id), job)


def figures_page(
    request: Request, caller: Caller, source: ResultSource, job: Job, member: JobMember | None = None
) -> Response:
    """Show the figures of a job or of a member; a page of results asks for the table alone."""
    view = View(len(FIGURES), None)
    preview = json.loads(output_previews.request_preview(job, SERVICE, view, caller.owner, member))
    return page(
        request,
        "parts/figures.html" if "hx-request" in request.headers else "figures.html",
        section="work",
        source=source,
        names=FIGURES,
        rows=_rows(preview),
        total=preview["signals_total"],
    )


def _rows(preview: dict[str, Any]) -> list[tuple[str, list[float | None]]]:
    """Return each asset with its figures, or raise NotFound where the preview joins some of them."""
    if preview["samples"] != len(FIGURES) or preview["points"] != len(FIGURES):
        raise NotFound(f"the preview has no single figures: {MOST_SIGNALS} assets are shown at most")
    return [(signal["name"], signal["min"]) for signal in preview["signals"]]
