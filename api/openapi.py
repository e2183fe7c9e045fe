"""The OpenAPI document: FastAPI's, with the problem responses and the published names of this API."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.openapi_names import SCHEMA_NAMES
from api.problems import Problem, responses
from gateway.settings import get_settings

REF = "#/components/schemas/"
UNUSED = ("HTTPValidationError", "ValidationError")  # a bad body is a Problem here


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document, which is built once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _document_errors(document, get_settings().auth)
        app.openapi_schema = _publish_names(document)
    return app.openapi_schema


def _document_errors(document: dict[str, Any], auth: str) -> None:
    """Replace FastAPI's error responses by problems."""
    for path in document["paths"].values():
        for operation in path.values():
            _document_bad_body(operation["responses"])
            _document_auth(operation, auth)
    components = document["components"]
    problem = Problem.model_json_schema(ref_template=REF + "{model}")
    components["schemas"] |= problem.pop("$defs") | {"Problem": problem}
    for name in UNUSED:
        components["schemas"].pop(name, None)
    if auth == "none":
        del components["securitySchemes"]


def _document_bad_body(answers: dict[str, Any]) -> None:
    """Remove FastAPI's 422: this API answers a bad body with 400."""
    unprocessable = answers.get("422", {})
    if "application/problem+json" not in unprocessable.get("content", {}):
        answers.pop("422", None)


def _document_auth(operation: dict[str, Any], auth: str) -> None:
    """Add 401, and 403 for tokens without a scope; remove both without accounts."""
    answers = operation["responses"]
    if auth == "none":
        operation.pop("security", None)
        answers.pop("403", None)
    elif "security" in operation:
        statuses = (401, 403) if auth == "oidc" else (401,)
        answers |= {str(status): content for status, content in responses(*statuses).items()}


def _publish_names(node: Any) -> Any:
    """Return the document with the published schema names in references, keys and titles."""
    if isinstance(node, dict):
        return {_publish_name(key): _publish_names(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_publish_names(each) for each in node]
    return _publish_name(node) if isinstance(node, str) else node


def _publish_name(text: str) -> str:
    prefix = REF if text.startswith(REF) else ""
    name = text.removeprefix(REF)
    return prefix + SCHEMA_NAMES.get(name, name)
