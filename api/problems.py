"""Errors as `application/problem+json` (RFC 9457), with `message` beside `detail` for old clients."""

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.methods import allowed_methods
from api.validation_words import sentence, unreadable_body
from gateway.cleaning import clean
from gateway.errors import GatewayError, Invalid

RETRY_AFTER_S = 5
HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    403: {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
    503: {"Retry-After": str(RETRY_AFTER_S)},
}
CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_UNREADABLE = "There was an error parsing the body"  # FastAPI's words for a body that is no text
# Limits that keep an answer small.
MOST_ERRORS = 20
DEEPEST = 10
_log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """An error of one field of the body."""

    loc: list[str | int] = Field(examples=[["body", "params", "read_input_data"]])
    msg: str


class Problem(BaseModel):
    """An error response of this API."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    message: str = Field(description="The same as `detail`.")
    errors: list[FieldError] | None = None


def problem(
    status: int, title: str, detail: str, retry_after_s: float | None = None, **extra: Any
) -> JSONResponse:
    """Return a problem response."""
    detail = clean(detail)
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "message": detail,
        **extra,
    }
    headers = dict(HEADERS.get(status, {}))
    if retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _field_error(loc: Sequence[str | int], msg: str) -> dict[str, Any]:
    place = [clean(part) if isinstance(part, str) else part for part in loc[:DEEPEST]]
    return {"loc": place, "msg": clean(msg)}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route for these statuses."""
    return {status: {"description": HTTPStatus(status).phrase, "content": CONTENT} for status in statuses}


async def _gateway_error(_request: Request, error: GatewayError) -> JSONResponse:
    extra = {}
    if isinstance(error, Invalid) and error.field:
        extra = {"errors": [_field_error(["body", *clean(error.field).split(".")], error.detail)]}
    return problem(error.status, error.title, error.detail, error.retry_after_s, **extra)


async def _validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
    found = error.errors()[:MOST_ERRORS]
    errors = [_field_error(part["loc"], sentence(part)) for part in found]
    first = errors[0]
    is_of_field = found[0]["type"] != "json_invalid"  # else the place is a character
    place = ".".join(str(part) for part in first["loc"] if part != "body") if is_of_field else ""
    detail = f"{place}: {first['msg']}" if place else str(first["msg"])
    return problem(400, Invalid.title, detail, errors=errors)


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    status, detail, headers = HTTPStatus(error.status_code), str(error.detail), dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request)
        detail = f"{request.method} is no method of this path: use {headers['Allow']}"
    elif status is HTTPStatus.NOT_FOUND and detail == status.phrase:
        detail = "the service has no path of this name: /docs lists all of them"
    elif detail == _UNREADABLE:
        detail = unreadable_body(request.headers.get("content-encoding", ""))
    answer = problem(status, status.phrase, detail)
    answer.headers.update(headers)
    return answer


async def _database_error(_request: Request, error: SQLAlchemyError) -> JSONResponse:
    _log.error("the database failed", exc_info=error)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return problem(503, "Temporarily unavailable", "the gateway's database is away; try again shortly")
    return await _unexpected_error(_request, error)


async def _unexpected_error(_request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", exc_info=error)
    return problem(500, "Internal error", "the gateway failed; its log has the cause")


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.exception_handler(GatewayError)(_gateway_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(SQLAlchemyError)(_database_error)
    app.exception_handler(Exception)(_unexpected_error)
