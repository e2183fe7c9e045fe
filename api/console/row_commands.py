"""Cancel and retry of a transfer or a job by a form, and the tail of a job's log."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api import row_actions
from api.console.actors import NAME, actor_of
from api.console.forms import Form, validate
from api.console.pages import PageRoute, page, see_other
from api.console.param_fields import read_resources
from api.console.run_form import SECRETS
from api.console.sign_in import need_private
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.idempotency import AnswerStore
from api.row_actions import ActionRequest, Find
from api.schemas.retries import Action, JobRetry, TransferRetry
from api.schemas.shapes import SHAPES
from gateway.callers import Caller
from gateway.errors import GatewayError
from gateway.jobs import lifecycle as jobs
from gateway.jobs import logs as job_logs
from gateway.models import Job, Transfer
from gateway.states import JobState, is_final
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import WorkKind

TAIL_BYTES = 16 * 1024
router = APIRouter(include_in_schema=False, route_class=PageRoute)


def _find(caller: Caller, kind: WorkKind, row_id: UUID) -> Find[Transfer | Job]:
    def find(session: Session) -> Transfer | Job:
        if kind == "job":
            return jobs.get(session, caller, row_id)
        return transfers.get(session, caller, kind, row_id)

    return find


def _cancel(session: Session, row: Transfer | Job, actor: str, reason: str) -> None:
    if isinstance(row, Job):
        jobs.cancel(session, row, actor, reason)
    else:
        transfers.cancel(session, row, actor, reason)


def _requested(
    request: Request, caller: Caller, kind: WorkKind, row_id: UUID
) -> ActionRequest[Transfer | Job]:
    return ActionRequest(_find(caller, kind, row_id), actor_of(request, caller), AnswerStore(None))


@router.post("/console/work/{kind}/{id}/cancel")
def cancel_shown_row(
    request: Request, caller: SignedIn, form: Form, kind: WorkKind, row_id: RowId
) -> Response:
    """Cancel the row and show its page."""
    action = validate(Action, {"by": NAME, "reason": form.text("reason")})
    requested = _requested(request, caller, kind, row_id)
    row_actions.cancel_row(requested, action, _cancel, SHAPES[kind].of)
    return see_other(request, f"/console/work/{kind}/{row_id}")


@router.post("/console/work/{kind}/{id}/retry")
def retry_shown_row(
    request: Request, caller: SignedIn, form: Form, kind: WorkKind, row_id: RowId
) -> Response:
    """Retry the row, with other resources or keys where the form has them, and show its page."""
    requested, show = _requested(request, caller, kind, row_id), SHAPES[kind].of
    said = {"by": NAME, "reason": form.text("reason")}
    if kind == "job":
        job_retry = validate(JobRetry, said | {"resources": read_resources(form) or None})
        row_actions.retry_row(requested, job_retry, show, resources=job_retry.resources)
    else:
        keys = {name: form.text(name) for name in ("credential_id", *SECRETS) if form.text(name)}
        if keys:
            need_private(request)
        retry = validate(TransferRetry, said | keys)
        row_actions.retry_row(requested, retry, show, retry.credential_if_any())
    return see_other(request, f"/console/work/{kind}/{row_id}")


@router.get("/console/work/job/{id}/log/{stream}")
def show_log(
    request: Request, caller: SignedIn, row_id: RowId, stream: Literal["stdout", "stderr"]
) -> Response:
    """Show the end of a job's output; a page that updates itself asks for the text alone."""
    job = read(lambda session: jobs.get(session, caller, row_id))
    text, problem = _read_tail(job, stream, caller.owner)
    template = "parts/log.html" if "hx-request" in request.headers else "log.html"
    return page(
        request,
        template,
        section="work",
        job_id=row_id,
        stream=stream,
        text=text,
        problem=problem,
        is_live=not is_final(job.state),
    )


def _read_tail(job: Job, stream: str, owner: str) -> tuple[str, str]:
    """Return the end of the log, or the sentence why there is none now."""
    if job.state in {JobState.ACCEPTED, JobState.SUBMITTING, JobState.PENDING}:
        return "", "The job has not started: there is no output yet."
    try:
        wanted = job_logs.LogRange(stream, 0, TAIL_BYTES)
        return job_logs.request_log(job, wanted, owner).text, ""
    except GatewayError as error:
        return "", error.detail
