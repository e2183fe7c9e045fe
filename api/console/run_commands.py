"""Cancel and retry of a run by a form."""

from fastapi import APIRouter, Request, Response

from api.console.actors import NAME, actor_of
from api.console.forms import Form, validate
from api.console.pages import PageRoute, see_other
from api.console.run_form import access_of
from api.console.sign_in import need_private
from api.console.visitors import SignedIn
from api.deps import RowId
from api.idempotency import AnswerStore
from api.routers.workflow import cancel_workflow, retry_workflow
from api.schemas.retries import Action
from api.schemas.workflows import WorkflowRetry

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/console/work/workflow/{id}/cancel")
def cancel_run(request: Request, caller: SignedIn, form: Form, row_id: RowId) -> Response:
    """Stop the run's steps and show its page."""
    action = validate(Action, {"by": NAME, "reason": form.text("reason")})
    cancel_workflow(caller, row_id, actor_of(request, caller), AnswerStore(None), action)
    return see_other(request, f"/console/work/workflow/{row_id}")


@router.post("/console/work/workflow/{id}/retry")
def retry_run(request: Request, caller: SignedIn, form: Form, row_id: RowId) -> Response:
    """Go on with the run from its failed steps, with other keys where the form has them; show its page."""
    given = {name: access for name in ("input", "output") if (access := access_of(form, name))}
    if given:
        need_private(request)
    action = validate(WorkflowRetry, {"by": NAME, "reason": form.text("reason"), **given})
    retry_workflow(caller, row_id, actor_of(request, caller), AnswerStore(None), action)
    return see_other(request, f"/console/work/workflow/{row_id}")
