"""The form that starts a run, and the request of the API that it stands for."""

from typing import Any

from api.console.forms import Fields
from api.console.option_fields import fields_of_service, fields_of_table, read_options
from api.console.param_fields import COMPUTATION, LAYOUT, OF_KNN, RANKS, param_fields, read_resources
from api.console.snippets import KEYS, TOKEN
from gateway.jobs.services import CLASSES

_LONGEST_NAME = 40
INPUTS = {
    "file": "A file of this computer",
    "s3": "An object of a store",
    "url": "A web address",
    "path": "A file of the cluster",
}
SECRETS = ("access_key", "secret_key", "session_token")
_PLACE = ("endpoint", "bucket", "object", "region")
THEN = "then."  # before the names of a second job's fields
CLASSIFICATION = "knn"


def body_of_form(form: Fields) -> dict[str, Any]:
    """Return the body of `POST /workflow`."""
    body: dict[str, Any] = {
        "infrastructure": form.text("infrastructure"),
        "input": input_of_form(form),
        "jobs": _jobs(form),
    }
    if form.text("has_output"):
        body["output"] = {"s3": _output(form)}
    if form.text("input") != "path":
        body["check"] = True
    return body


def _jobs(form: Fields) -> list[dict[str, Any]]:
    """Return the job, and the second one that takes its result: `knn` as the labels of the same input."""
    first, then = form.texts("service"), form.text("then")
    jobs = [_job(form, _name(first), first)]
    jobs[0]["params"] |= read_options(param_fields(LAYOUT + COMPUTATION), form)
    if table := read_options(fields_of_table(), form):
        jobs[0]["params"]["table"] = table
    if then:
        name = _name([then])
        name += "-2" if name == jobs[0]["name"] else ""
        source = "labels_from" if then == CLASSIFICATION else "input_from"
        jobs.append(_job(form, name, [then], THEN) | {source: jobs[0]["name"]})
    return jobs


def _job(form: Fields, name: str, services: list[str], prefix: str = "") -> dict[str, Any]:
    job = {"name": name, "services": services, "params": _params(form, services, prefix)}
    resources = read_resources(form)
    return job | ({"resources": resources} if resources else {})


def _name(services: list[str]) -> str:
    """Return the name of a job, that of its services."""
    known = [service for service in services if service in CLASSES]
    return "-".join(known).replace("_", "-")[:_LONGEST_NAME].strip("-") or "run"


def input_of_form(form: Fields) -> dict[str, Any]:
    """Return the input of a run."""
    kind = form.text("input")
    if kind == "s3":
        return {"s3": _place(form, "input") | access_of(form, "input")}
    return {kind: form.text(f"input.{kind}")} if kind in INPUTS else {}


def _place(form: Fields, prefix: str) -> dict[str, Any]:
    given = {name: form.text(f"{prefix}.{name}") for name in _PLACE}
    return {name: text for name, text in given.items() if text}


def access_of(form: Fields, prefix: str) -> dict[str, Any]:
    """Return the access to a store that a form gives: keys, or the id of stored ones."""
    given = {name: form.text(f"{prefix}.{name}") for name in ("credential_id", *SECRETS)}
    return {name: text for name, text in given.items() if text}


def _output(form: Fields) -> dict[str, Any]:
    """Return the place of the results; store, bucket and keys are the input's where it names no others."""
    place, access = _place(form, "output"), access_of(form, "output")
    if form.text("input") == "s3":
        near = _place(form, "input")
        near.pop("object", None)
        place = near | place
        access = access or access_of(form, "input")
    return place | access


def _params(form: Fields, services: list[str], prefix: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for service in services:
        if service in CLASSES and (options := read_options(fields_of_service(service, prefix), form)):
            params[service] = options
    if CLASSIFICATION in services:
        params |= read_options(param_fields(OF_KNN, prefix), form)
    return params | read_options(param_fields(RANKS), form)


def without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with variables of the environment in the place of keys."""
    return {name: _hide(value) for name, value in body.items()}


def _hide(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    shown = {name: _hide(each) for name, each in value.items()}
    return shown | {name: variable for name, variable in (KEYS | TOKEN).items() if name in value}
