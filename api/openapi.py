"""The OpenAPI document: FastAPI's own, with the problems that this API really answers with."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import Problem, responses
from gateway.settings import get_settings


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the document once: bad bodies are 400 here, so FastAPI's 422 is taken out."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for path in document["paths"].values():
            for operation in path.values():
                unprocessable = operation["responses"].get("422", {})
                if "application/problem+json" not in unprocessable.get("content", {}):
                    operation["responses"].pop("422", None)
                _say_who_may(operation, get_settings().auth)
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem}
        if get_settings().auth == "none":
            del document["components"]["securitySchemes"]
        app.openapi_schema = document
    return app.openapi_schema


def _say_who_may(operation: dict[str, Any], auth: str) -> None:
    """Without accounts nobody is asked and nobody refused; a token may lack every scope, a key never."""
    answers = operation["responses"]
    if auth == "none":
        operation.pop("security", None)
        answers.pop("403", None)
    elif "security" in operation:
        answers |= {str(status): told for status, told in responses(401).items()}
        if auth == "oidc":
            answers |= {str(status): told for status, told in responses(403).items()}
