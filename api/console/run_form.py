"""The form that starts a run, and the request of the API that it stands for."""

from typing import Any

from api.console.forms import Fields
from api.console.option_fields import fields_of_service, fields_of_table, read_options
from api.console.snippets import KEYS
from gateway.jobs.services import CLASSES

_LONGEST_NAME = 40
INPUTS = {
    "file": "A file of this computer",
    "s3": "An object of a store",
    "url": "A web address",
    "path": "A file of the cluster",
}
_PLACE = ("endpoint", "bucket", "object", "region")
_COUNTS = {"num_mpi_procs": "Ranks", "num_thread": "Threads of each rank"}


def body_of_form(form: Fields) -> dict[str, Any]:
    """Return the body of `POST /workflow`."""
    body: dict[str, Any] = {
        "infrastructure": form.text("infrastructure"),
        "input": _input(form),
        "jobs": [{"name": _name(form), "services": form.texts("service"), "params": _params(form)}],
    }
    if form.text("resources.time_limit_s"):
        body["jobs"][0]["resources"] = {"time_limit_s": form.text("resources.time_limit_s")}
    if form.text("has_output"):
        body["output"] = {"s3": _output(form)}
    if form.text("input") != "path":
        body["check"] = True
    return body


def _name(form: Fields) -> str:
    """Return the name of the job, that of its services."""
    known = [service for service in form.texts("service") if service in CLASSES]
    return "-".join(known).replace("_", "-")[:_LONGEST_NAME].strip("-") or "run"


def _input(form: Fields) -> dict[str, Any]:
    kind = form.text("input")
    if kind == "s3":
        return {"s3": _place(form, "input") | _access(form, "input")}
    return {kind: form.text(f"input.{kind}")} if kind in INPUTS else {}


def _place(form: Fields, prefix: str) -> dict[str, Any]:
    given = {name: form.text(f"{prefix}.{name}") for name in _PLACE}
    return {name: text for name, text in given.items() if text}


def _access(form: Fields, prefix: str) -> dict[str, Any]:
    names = ("credential_id", "access_key", "secret_key", "session_token")
    given = {name: form.text(f"{prefix}.{name}") for name in names}
    return {name: text for name, text in given.items() if text}


def _output(form: Fields) -> dict[str, Any]:
    """Return the place of the results; store, bucket and keys are the input's where it names no others."""
    place, access = _place(form, "output"), _access(form, "output")
    if form.text("input") == "s3":
        near = _place(form, "input")
        near.pop("object", None)
        place = near | place
        access = access or _access(form, "input")
    return place | access


def _params(form: Fields) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for service in form.texts("service"):
        if service in CLASSES and (options := read_options(fields_of_service(service), form)):
            params[service] = options
    if table := read_options(fields_of_table(), form):
        params["table"] = table
    counts = {name: form.text(name) for name in _COUNTS}
    return params | {name: int(text) for name, text in counts.items() if text.isdecimal()}


def without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with variables of the environment in the place of keys."""
    return {name: _hide(value) for name, value in body.items()}


def _hide(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    shown = {name: _hide(each) for name, each in value.items() if name != "session_token"}
    return shown | {name: variable for name, variable in KEYS.items() if name in value}
