"""The OpenAPI document of the service, made once for all tests that read it."""

from functools import cache
from typing import Any

from api.app import create_app


@cache
def openapi_document() -> dict[str, Any]:
    """Return the document; no test changes it."""
    document: dict[str, Any] = create_app().openapi()
    return document
