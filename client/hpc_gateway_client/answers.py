"""Answers of a gateway, read as models; one that is no gateway's is refused, as a refusal of its own is."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from hpc_gateway_client.errors import Refused

Model = TypeVar("Model", bound=BaseModel)
_MISFITS = (ValidationError, TypeError, LookupError)  # of JSON that has another shape


def read_content(answer: httpx.Response) -> Any:
    """Return the content of an answer, or raise Refused with the gateway's words."""
    try:
        content = answer.json()
    except ValueError:
        raise foreign_answer(answer) from None
    if answer.is_error:
        detail = content.get("detail") if isinstance(content, dict) else None
        raise Refused(answer.status_code, str(detail or answer.reason_phrase))
    return content


def read_model(
    model: type[Model], answer: httpx.Response, complete: Callable[[Any], Any] = lambda content: content
) -> Model:
    """Return the value of an answer; `complete` adds to its content."""
    content = read_content(answer)
    try:
        return model.model_validate(complete(content))
    except _MISFITS:
        raise foreign_answer(answer) from None


def read_models(model: type[Model], answer: httpx.Response) -> list[Model]:
    """Return the values of an answer that is a list."""
    content = read_content(answer)
    try:
        return [model.model_validate(item) for item in content]
    except _MISFITS:
        raise foreign_answer(answer) from None


def foreign_answer(answer: httpx.Response) -> Refused:
    """Return the error of an answer that no gateway gives."""
    return Refused(answer.status_code, f"no gateway answers at {answer.url}")
