"""Sentences for errors of validation: pydantic's own words, or better ones that tell a client the way."""

from collections.abc import Mapping
from typing import Any

_KINDS = {str: "a text", bool: "a truth value", int: "a number", float: "a number", list: "a list"}
_LENGTHS = {"too_short": ("least", "min_length"), "too_long": ("most", "max_length")}
_OBJECT_EXPECTED = frozenset({"model_attributes_type", "model_type", "dict_type"})


def sentence(error: Mapping[str, Any]) -> str:
    """Return the sentence for an error of pydantic or FastAPI; it never quotes the value."""
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
    if error["type"] == "missing" and error["loc"] == ("body",):
        return "the body is empty: send a JSON object"
    if error["type"] in _OBJECT_EXPECTED:
        return f"expected a JSON object, found {_KINDS.get(type(error['input']), 'null')}"
    if error["type"] == "extra_forbidden":
        return "it is no field here: leave it out, or look for its right name in /docs"
    if error["type"] in _LENGTHS and isinstance(error["input"], str):
        bound, limit = _LENGTHS[error["type"]]
        return f"the text has {len(error['input'])} characters; expected at {bound} {error['ctx'][limit]}"
    return str(error["msg"]).removeprefix("Value error, ")


def unreadable_body(coding: str) -> str:
    """Return the sentence for a body that is no text, with its `Content-Encoding`."""
    if coding not in {"", "identity"}:
        return f"the body has the Content-Encoding {coding[:100]}; expected JSON as it is: send it without"
    return "the body is no text in UTF-8; expected a JSON object: send it in UTF-8"
