"""Start a run: the form, the request that it stands for, and the upload of a file into the bucket."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.console.clusters import load_clusters
from api.console.forms import Fields, Form, validate
from api.console.looked_tables import load_look, stage_table
from api.console.option_fields import fields_of_service, fields_of_table
from api.console.pages import PageRoute, base_of, page, see_other
from api.console.run_again import fields_of_run
from api.console.run_form import INPUTS, THEN, body_of_form, without_secrets
from api.console.sign_in import is_private, need_private
from api.console.snippets import make_snippets
from api.console.visitors import SignedIn
from api.deps import parse_id, read
from api.idempotency import AnswerStore
from api.routers.files import upload_file
from api.routers.workflow import accept_workflow
from api.schemas.files import FileRequest
from api.schemas.workflows import WorkflowRequest
from gateway.callers import Caller
from gateway.credentials import stored as stored_credentials
from gateway.errors import GatewayError
from gateway.jobs.services import CLASSES, option_schema
from gateway.models import Transfer
from gateway.settings import get_settings

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/start")
def show_start(
    request: Request, caller: SignedIn, run: str = "", data: str = "", s3_data: str = ""
) -> Response:
    """Show the form: empty, with the fields of a run to be started again, or with a staged table."""
    if data or s3_data:
        row_id = parse_id(data or s3_data)
        looked, fields = read(
            lambda session: load_look(session, caller, "data" if data else "s3_data", row_id)
        )
        return _show(request, caller, fields, looked=looked)
    fields = read(lambda session: fields_of_run(session, caller, parse_id(run))) if run else Fields({})
    return _show(request, caller, fields)


@router.post("/console/start/table")
def look_at_table(request: Request, caller: SignedIn, form: Form) -> Response:
    """Stage the input, and show the form with the table; a refusal shows the form again, without the keys."""
    if form.text("input.secret_key"):
        need_private(request)
    try:
        kind, row_id = stage_table(caller, form)
    except GatewayError as error:
        return _show(request, caller, form, error.status, error.detail)
    return see_other(request, "/console/start", **{kind: str(row_id)})


@router.post("/console/start")
def start_run(request: Request, caller: SignedIn, form: Form) -> Response:
    """Start the run; a refusal shows the form again, without the keys."""
    if form.text("input.secret_key") or form.text("output.secret_key"):
        need_private(request)
    body = body_of_form(form)
    if form.text("show"):
        return _show(request, caller, form, body=body)
    try:
        row = accept_workflow(caller, AnswerStore(None), validate(WorkflowRequest, body))
    except GatewayError as error:
        return _show(request, caller, form, error.status, error.detail)
    return see_other(request, f"/console/work/workflow/{row.id}")


def _show(
    request: Request,
    caller: Caller,
    form: Fields,
    status: int = 200,
    problem: str = "",
    *,
    body: dict[str, Any] | None = None,
    looked: Transfer | None = None,
) -> Response:
    settings = get_settings()
    return page(
        request,
        "start.html",
        status,
        section="start",
        form=form,
        problem=problem,
        looked=looked,
        snippets=make_snippets(f"{base_of(request)}/workflow", without_secrets(body)) if body else None,
        inputs=INPUTS if settings.store_bucket else {name: INPUTS[name] for name in INPUTS if name != "file"},
        classes=_services(),
        table=fields_of_table(),
        clusters=read(lambda session: load_clusters(session, caller)),
        credentials=read(lambda session: stored_credentials.list_credentials(session, caller)),
        is_private=is_private(request),
    )


def _services() -> dict[str, list[dict[str, Any]]]:
    """Return the services of each class, with their texts and the fields of their options."""
    classes: dict[str, list[dict[str, Any]]] = {}
    for service, name in CLASSES.items():
        text = option_schema(service).get("description", "")
        shown = {"name": service, "text": text, "fields": fields_of_service(service)}
        shown["then"] = fields_of_service(service, THEN) if name != "classification" else None
        classes.setdefault(name, []).append(shown)
    return classes


@router.post("/console/files")
def begin_upload(caller: SignedIn, form: Form) -> JSONResponse:
    """Accept a file, and return the request by which the page's script uploads it to the store."""
    given = {"name": form.text("name"), "size": form.number("size")}
    file = upload_file(caller, AnswerStore(None), validate(FileRequest, given))
    return JSONResponse(file.model_dump(mode="json"))
