"""Start a run: the form, the request that it stands for, and the upload of a file into the bucket."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.console.clusters import load_clusters
from api.console.form_checks import check_input, check_run, in_form_words
from api.console.forms import Fields, Form, validate
from api.console.looked_tables import find_look, load_look, stage_table
from api.console.option_fields import fields_of_service, fields_of_table
from api.console.pages import PageRoute, base_of, page, see_other
from api.console.param_fields import COMPUTATION, LAYOUT, OF_KNN, RANKS, param_fields, resource_fields
from api.console.run_again import fields_of_run
from api.console.run_form import CLASSIFICATION, INPUTS, THEN, body_of_form, without_secrets
from api.console.sign_in import is_private, need_private
from api.console.snippets import make_snippets
from api.console.visitors import SignedIn
from api.deps import parse_id, read
from api.idempotency import AnswerStore
from api.routers.files import upload_file
from api.routers.workflow import start_workflow
from api.schemas.files import FileRequest
from api.schemas.workflows import WorkflowRequest
from gateway.callers import Caller
from gateway.credentials import stored as stored_credentials
from gateway.errors import GatewayError
from gateway.jobs.services import CLASSES, option_schema
from gateway.settings import get_settings

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/start")
def show_start(
    request: Request, caller: SignedIn, run: str = "", data: str = "", s3_data: str = ""
) -> Response:
    """Show the form: empty, with the fields of a run to be started again, or with a staged table."""
    if data or s3_data:
        row_id = parse_id(data or s3_data)
        kept = {name: request.query_params.getlist(name) for name in request.query_params}
        fields = read(lambda session: load_look(session, caller, "data" if data else "s3_data", row_id, kept))
        return _show(request, caller, fields)
    fields = read(lambda session: fields_of_run(session, caller, parse_id(run))) if run else Fields({})
    return _show(request, caller, fields)


@router.post("/console/start")
def act_on_form(request: Request, caller: SignedIn, form: Form) -> Response:
    """Do as the button says; a refusal shows the form again, without the keys."""
    if form.text("input.secret_key") or form.text("output.secret_key"):
        need_private(request)
    try:
        if form.text("show"):
            return _show(request, caller, form, body=body_of_form(form))
        return see_other(request, _look(caller, form) if form.text("look") else _start(caller, form))
    except GatewayError as error:
        return _show(request, caller, form, error.status, in_form_words(error.detail))


def _look(caller: Caller, form: Fields) -> str:
    """Stage the input, and return the address of the form with the table."""
    check_input(form)
    return stage_table(caller, form)


def _start(caller: Caller, form: Fields) -> str:
    """Start the run, and return the address of its page."""
    check_run(form)
    row = start_workflow(caller, AnswerStore(None), validate(WorkflowRequest, body_of_form(form)))
    return f"/console/work/workflow/{row.id}"


def _show(
    request: Request,
    caller: Caller,
    form: Fields,
    status: int = 200,
    problem: str = "",
    *,
    body: dict[str, Any] | None = None,
) -> Response:
    settings = get_settings()
    path = form.text("input.path") if form.text("input") == "path" else ""
    return page(
        request,
        "start.html",
        status,
        section="start",
        form=form,
        problem=problem,
        looked=read(lambda session: find_look(session, caller, path)),
        snippets=make_snippets(f"{base_of(request)}/workflow", without_secrets(body)) if body else None,
        inputs=INPUTS if settings.store_bucket else {name: INPUTS[name] for name in INPUTS if name != "file"},
        classes=_services(),
        table=[*fields_of_table(), *param_fields(LAYOUT)],
        computation=param_fields(COMPUTATION),
        resources=[*param_fields(RANKS), *resource_fields()],
        clusters=read(lambda session: load_clusters(session, caller)),
        credentials=read(lambda session: stored_credentials.list_credentials(session, caller)),
        is_private=is_private(request),
        has_any=lambda fields: any(form.text(field.name) for field in fields),
    )


def _services() -> dict[str, list[dict[str, Any]]]:
    """Return the services of each class, with their texts and the fields of their options."""
    classes: dict[str, list[dict[str, Any]]] = {}
    for service, name in CLASSES.items():
        text = option_schema(service).get("description", "")
        fields, then = fields_of_service(service), fields_of_service(service, THEN)
        if service == CLASSIFICATION:
            fields += param_fields(OF_KNN)
            then += param_fields(OF_KNN[:1], THEN)
        classes.setdefault(name, []).append({"name": service, "text": text, "fields": fields, "then": then})
    return classes


@router.post("/console/files")
def begin_upload(caller: SignedIn, form: Form) -> JSONResponse:
    """Accept a file, and return the request by which the page's script uploads it to the store."""
    given = {"name": form.text("name"), "size": form.number("size")}
    file = upload_file(caller, AnswerStore(None), validate(FileRequest, given))
    return JSONResponse(file.model_dump(mode="json"))
