"""The first page: the latest work, failures to look at, and clusters that need help."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from api.console.clusters import load_clusters
from api.console.labels import NOUNS, TITLES
from api.console.pages import PageRoute, page
from api.console.visitors import SignedIn
from api.deps import read, read_rows
from api.row_reads import load_page
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.operations.failure_groups import FailureGroup, group_failures
from gateway.work.listing import KINDS, Filter, Kind

LATEST = 8
WITH_STEPS = 16  # the newest rows of a kind, among which steps of runs are left out
MOST_FAILURES = 5
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
def show_home(request: Request, caller: SignedIn) -> Response:
    """Show the first page."""
    template = "parts/home.html" if "hx-request" in request.headers else "home.html"
    return page(
        request,
        template,
        section="home",
        nouns=NOUNS,
        latest=_latest(caller),
        groups=_failures(caller),
        clusters=read(lambda session: load_clusters(session, caller)),
    )


def _latest(caller: Caller) -> list[tuple[Kind, dict[str, Any]]]:
    """Return the newest runs, and jobs and transfers that are no steps of one, the newest first."""
    loaded = ((kind, load_page(kind, Filter(), caller, None, WITH_STEPS)[0]) for kind in TITLES)
    found = [(kind, row) for kind, rows in loaded for row in rows if row.get("workflow_id") is None]
    return sorted(found, key=lambda each: str(each[1]["created_at"]), reverse=True)[:LATEST]


def _failures(caller: Caller) -> list[FailureGroup]:
    wanted = replace(Filter(), owner=caller.only_owner)
    groups = read_rows(
        lambda connection: [group for kind in KINDS for group in group_failures(connection, wanted, kind)]
    )
    return sorted(groups, key=lambda group: str(group.latest), reverse=True)[:MOST_FAILURES]


@router.get("/console/{path:path}")
def miss_page(caller: SignedIn, path: str) -> Response:  # noqa: ARG001  it is asked for alone
    """Answer 404 for an unknown page of the console."""
    raise NotFound(f"there is no page /console/{path[:100]}")
