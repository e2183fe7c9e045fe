"""Find: the page of the row of an id, the gateway's own or a scheduler's of a job."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.console.labels import TITLES
from api.console.pages import PageRoute, see_other
from api.console.visitors import SignedIn
from api.deps import read, read_rows
from api.schemas.shapes import SHAPES
from gateway.callers import Caller
from gateway.errors import NotFound
from gateway.models import Job
from gateway.work.listing import Kind
from gateway.work.statuses import fetch_statuses

LONGEST = 64
router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/find")
def find_row(request: Request, caller: SignedIn, id: str = "") -> Response:  # noqa: A002  the field's name
    """Show the page of the row of an id, of any kind."""
    text = id.strip()[:LONGEST]
    kind, row_id = _find_own(caller, text) or _find_in_scheduler(caller, text)
    return see_other(request, f"/console/work/{kind}/{row_id}")


def _find_own(caller: Caller, text: str) -> tuple[Kind, UUID] | None:
    try:
        row_id = UUID(text)
    except ValueError:
        return None
    return next(((kind, row_id) for kind in TITLES if _may_see(caller, kind, row_id)), None)


def _may_see(caller: Caller, kind: Kind, row_id: UUID) -> bool:
    shape = SHAPES[kind]
    found = read_rows(lambda connection: fetch_statuses(connection, kind, shape.columns(), [row_id]))
    return row_id in found and caller.may_see(shape.values(found[row_id], caller)["owner"])


def _find_in_scheduler(caller: Caller, text: str) -> tuple[Kind, UUID]:
    """Return the newest job of a scheduler's id, or raise NotFound."""
    row_id = read(lambda session: _newest_job(session, caller, text)) if text.isprintable() else None
    if not row_id:
        raise NotFound(f"no run, job or transfer has the id {text!r}, and no job has it in its scheduler")
    return "job", row_id


def _newest_job(session: Session, caller: Caller, text: str) -> UUID | None:
    wanted = select(Job.id).where(Job.scheduler_id == text, Job.scheduler_id != "")
    if caller.only_owner is not None:
        wanted = wanted.where(Job.owner == caller.only_owner)
    return session.scalar(wanted.order_by(Job.created_at.desc()).limit(1))
