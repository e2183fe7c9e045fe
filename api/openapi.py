"""The OpenAPI document: FastAPI's own, with the problems that this API really answers with."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import Problem


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
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema
