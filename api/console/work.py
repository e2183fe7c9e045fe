"""Work: lists of jobs and transfers with the API's filters, counts, and groups of equal failures."""

from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from api.bulk_actions import act_in_batches
from api.console.actors import acting
from api.console.forms import Form
from api.console.labels import NOUNS, TITLES
from api.console.pages import PageRoute, page
from api.console.visitors import SignedIn
from api.console.work_filters import WorkFilters
from api.deps import read, read_rows
from api.row_reads import load_page
from gateway.callers import Caller
from gateway.clusters import catalog
from gateway.errors import Fault
from gateway.jobs.services import SERVICES
from gateway.operations import bulk
from gateway.operations.failure_groups import FailureGroup, count_by_fault, group_failures
from gateway.operations.overview import bad_ends
from gateway.work.listing import Filter, Kind, WorkKind, model_of, work_model

PAGE = 50
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/work/{kind}")
def show_work(request: Request, caller: SignedIn, kind: Kind) -> Response:
    """Show a page of the rows of a kind; a page that updates itself asks for the list alone."""
    filters = WorkFilters.of_query(request.query_params, kind)
    template = "parts/work_list.html" if "hx-request" in request.headers else "work.html"
    return page(request, template, **_work(kind, filters, caller))


def _work(kind: Kind, filters: WorkFilters, caller: Caller) -> dict[str, Any]:
    wanted = replace(filters.to_filter(), owner=caller.only_owner)
    rows, following, counts = load_page(kind, wanted, caller, filters.cursor, PAGE)
    every_state = replace(wanted, states=())
    groups, faults = _failures(kind, every_state)
    return {
        "section": "work",
        "kind": kind,
        "titles": TITLES,
        "nouns": NOUNS,
        "filters": filters,
        "states": [str(state) for state in model_of(kind).states],
        "services": SERVICES if kind == "job" else (),
        "clusters": [cluster.name for cluster in read(catalog.list_clusters)],
        "rows": rows,
        "following": following,
        "counts": counts or {},
        "groups": groups,
        "faults": faults,
        "all_faults": list(Fault),
    }


def _failures(kind: Kind, wanted: Filter) -> tuple[list[FailureGroup], dict[str, int]]:
    """Return groups and classes of failures; those of a workflow are its steps'."""
    if kind == "workflow":
        return [], {}
    return read_rows(
        lambda connection: (
            group_failures(connection, wanted, kind),
            count_by_fault(connection, wanted, kind),
        )
    )


@router.post("/console/work/{kind}/retry")
def retry_group(request: Request, caller: SignedIn, form: Form, kind: WorkKind) -> Response:
    """Retry the visible rows of a group of equal failures."""
    fault = form.text("fault")
    wanted = Filter(
        states=tuple(str(state) for state in bad_ends(work_model(kind))),
        infrastructure=form.text("infrastructure"),
        whole_reason=form.text("reason"),
        owner=caller.only_owner,
    )
    selection = bulk.Selection(wanted, [kind], [Fault(fault)] if fault in set(Fault) else [])
    found = read(lambda session: bulk.find_retryable(session, selection))
    why = "a group of equal failures"
    act = partial(bulk.retry_row, actor=acting(request, caller), why=why, resources=None)
    done = act_in_batches(found, act)
    refused = [each for each in done if each.refusal]
    return page(
        request,
        "retried.html",
        section="work",
        kind=kind,
        reason=wanted.whole_reason,
        retried=len(done) - len(refused),
        refused=refused,
    )
