"""The OpenAPI document: FastAPI's, with the problem responses and the published names of this API."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.cross_site import READS
from api.listed_hosts import listed_patterns
from api.openapi_names import SCHEMA_NAMES
from api.problems import Problem, responses
from api.schemas.codes import NodeStateCode, ServiceName
from api.schemas.documented import REF, component_of, components
from api.schemas.job_params import JobRequestParams
from gateway.settings import get_settings
from gateway.workflows.drafts import INPUT_KEY

UNUSED = ("HTTPValidationError", "ValidationError")  # a bad body is a Problem here


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document, which is built once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            tags=app.openapi_tags,
            routes=app.routes,
        )
        _document_errors(document, get_settings().auth)
        app.openapi_schema = _publish(document, listed_patterns(get_settings()))
    return app.openapi_schema


def _document_errors(document: dict[str, Any], auth: str) -> None:
    """Replace FastAPI's error responses by problems."""
    for path in document["paths"].values():
        for method, operation in path.items():
            _document_bad_body(operation["responses"])
            refusals = responses(*_refusals(method, operation, auth))
            operation["responses"] |= {str(status): answer for status, answer in refusals.items()}
            if auth == "none":
                operation.pop("security", None)
    document["components"]["schemas"] |= components(Problem, JobRequestParams, ServiceName, NodeStateCode)
    document["components"]["schemas"]["WorkflowJobParams"] = _workflow_params(document)
    for name in UNUSED:
        document["components"]["schemas"].pop(name, None)
    if auth == "none":
        del document["components"]["securitySchemes"]


def _workflow_params(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a job's parameters in a workflow, which sets the input itself."""
    whole = document["components"]["schemas"][JobRequestParams.__name__]
    keys = {name: each for name, each in whole["properties"].items() if name != INPUT_KEY}
    description = "Parameters of a job of a workflow, which sets `read_input_data` itself."
    names = {"title": "WorkflowJobParams", "description": description, "properties": keys}
    return {key: value for key, value in (whole | names).items() if key != "required"}


def _document_bad_body(answers: dict[str, Any]) -> None:
    """Remove FastAPI's 422: this API answers a bad body with 400."""
    unprocessable = answers.get("422", {})
    if "application/problem+json" not in unprocessable.get("content", {}):
        answers.pop("422", None)


def _refusals(method: str, operation: dict[str, Any], auth: str) -> list[int]:
    """Return the statuses of all refusals before the route: of callers, pages, hosts and media types."""
    is_secured = "security" in operation and auth != "none"
    is_forbidden = method.upper() not in READS or auth == "none" or (is_secured and auth == "oidc")
    refusals = {401: is_secured, 403: is_forbidden, 415: "requestBody" in operation}
    return [status for status, is_possible in refusals.items() if is_possible]


def _publish(node: Any, patterns: dict[str, str]) -> Any:
    """Return the document with published schema names in references, keys and titles, and other patterns."""
    if isinstance(node, dict):
        if component := component_of(node):
            return {"$ref": REF + component}
        return {_publish_name(key): _publish(value, patterns) for key, value in node.items()}
    if isinstance(node, list):
        return [_publish(each, patterns) for each in node]
    return patterns.get(node, _publish_name(node)) if isinstance(node, str) else node


def _publish_name(text: str) -> str:
    prefix = REF if text.startswith(REF) else ""
    name = text.removeprefix(REF)
    return prefix + SCHEMA_NAMES.get(name, name)
