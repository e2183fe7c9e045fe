"""Find: the page of an id, the gateway's own or a scheduler's of a job or a member."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.labels import TITLES
from api.console.pages import PageRoute, see_other
from api.console.visitors import SignedIn
from api.deps import read, read_rows
from api.schemas.shapes import SHAPES
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.jobs.scheduler_ids import find_newest
from gateway.work.listing import Kind
from gateway.work.statuses import fetch_statuses

LONGEST = 64
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/find")
def find_row(request: Request, caller: SignedIn, id: str = "") -> Response:  # noqa: A002  the field's name
    """Show the page of the row of an id, of any kind."""
    text = id.strip()[:LONGEST]
    return see_other(request, f"/console/work/{_find_own(caller, text) or _find_in_scheduler(caller, text)}")


def _find_own(caller: Caller, text: str) -> str:
    try:
        row_id = UUID(text)
    except ValueError:
        return ""
    return next((f"{kind}/{row_id}" for kind in TITLES if _may_see(caller, kind, row_id)), "")


def _may_see(caller: Caller, kind: Kind, row_id: UUID) -> bool:
    shape = SHAPES[kind]
    found = read_rows(lambda connection: fetch_statuses(connection, kind, shape.columns(), [row_id]))
    return row_id in found and caller.may_see(shape.values(found[row_id], caller)["owner"])


def _find_in_scheduler(caller: Caller, text: str) -> str:
    """Return the newest job or member of a scheduler's id, or raise NotFound."""
    found = read(lambda session: find_newest(session, caller.only_owner, text)) if _is_id(text) else None
    if found is None:
        raise NotFound(f"no run, job or transfer has the id {text!r}, and no job has it in its scheduler")
    return f"workflow/{found.run_id}/members/{found.member}" if found.member else f"job/{found.job_id}"


def _is_id(text: str) -> bool:
    return bool(text) and text.isprintable()
