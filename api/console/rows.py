"""The page of a transfer or a job: its state, live, its history, and its actions."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.console.cures import cure_of, failed_step
from api.console.filter_inputs import input_row, preview_beneath
from api.console.labels import NOUNS
from api.console.pages import PageRoute, base_of, page
from api.console.run_parts import RunParts
from api.console.sign_in import is_private
from api.console.snippets import Snippets, snippets_of_row
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.row_reads import load_events
from api.status_reads import STATUS_READS, Shown
from gateway.callers import Caller, Scope
from gateway.credentials.stored import list_credentials
from gateway.jobs.services import CLASSES
from gateway.settings import get_settings
from gateway.states import BEFORE_SCHEDULER, JOB_ENDS, WORKFLOW_ENDS, JobState, TransferState, WorkflowState
from gateway.work.listing import Kind

LIVE_S = 20.0  # a page asks again after so long without a change
GOOD_ENDS = frozenset({TransferState.COMPLETED, JobState.SUCCEEDED, WorkflowState.SUCCEEDED})
ENDS = frozenset(
    {*JOB_ENDS, *WORKFLOW_ENDS, TransferState.COMPLETED, TransferState.FAILED, TransferState.CANCELLED}
)
BEFORE_START = [*map(str, BEFORE_SCHEDULER), str(JobState.PENDING)]
router = APIRouter(include_in_schema=False, route_class=PageRoute)
Known = Annotated[str, Query(max_length=100)]


@router.get("/console/work/{kind}/{id}")
async def show_row(request: Request, caller: SignedIn, kind: Kind, row_id: RowId) -> Response:
    """Show a transfer or a job."""
    shown = await STATUS_READS[kind].show(request, caller, row_id, "", 0)
    return await run_in_threadpool(_render, request, caller, kind, shown, f"{_folder(kind)}.html")


@router.get("/console/work/{kind}/{id}/live")
async def show_row_live(
    request: Request, caller: SignedIn, kind: Kind, row_id: RowId, known: Known = ""
) -> Response:
    """Show the changing part of the page as soon as it differs from the known state."""
    shown = await STATUS_READS[kind].show(request, caller, row_id, known, LIVE_S if known else 0)
    return await run_in_threadpool(_render, request, caller, kind, shown, f"parts/{_folder(kind)}_live.html")


def _folder(kind: Kind) -> str:
    return "run" if kind == "workflow" else "row"


def _render(request: Request, caller: Caller, kind: Kind, shown: Shown, template: str) -> Response:
    row: dict[str, Any] = json.loads(shown.body)
    settings = get_settings()
    can_retry = row["state"] in ENDS and row["state"] not in GOOD_ENDS
    parts = _parts(caller, kind, UUID(row["id"]))
    return page(
        request,
        template,
        section="work",
        kind=kind,
        noun=NOUNS[kind],
        nouns=NOUNS,
        has_own_store=bool(settings.store_bucket),
        classes=CLASSES,
        flower=settings.flower_url.rstrip("/") if caller.scope.holds(Scope.OPERATOR) else "",
        row=row,
        tag=shown.tag,
        has_ended=row["state"] in ENDS,
        can_retry=can_retry,
        credentials=read(lambda session: list_credentials(session, caller)) if can_retry else [],
        cure=cure_of(row),
        parts=parts,
        staged=input_row(row, parts.looked) if parts else "",
        before_start=BEFORE_START,
        preview_beneath=preview_beneath,
        failed_step=failed_step(row) if kind == "workflow" else None,
        is_private=is_private(request),
        events=load_events(kind, UUID(row["id"]), caller),
        snippets=_snippets(request, kind, row),
    )


def _parts(caller: Caller, kind: Kind, row_id: UUID) -> RunParts | None:
    return read(lambda session: RunParts.load(session, caller, row_id)) if kind == "workflow" else None


def _snippets(request: Request, kind: Kind, row: dict[str, Any]) -> Snippets | None:
    """Return the request of a transfer or a job; that of a run is on the page that starts runs."""
    if kind == "workflow":
        return None
    return snippets_of_row(kind, row, base_of(request))
