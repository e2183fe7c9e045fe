"""Sentences for errors of validation: pydantic's own words, or better ones that tell a client the way."""

from collections.abc import Mapping
from typing import Any

_KINDS = {str: "a text", bool: "a truth value", int: "a number", float: "a number", list: "a list"}
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
    if error["type"] == "too_short" and isinstance(error["input"], str):
        return "a text is needed, and this one is empty"
    return str(error["msg"]).removeprefix("Value error, ")
