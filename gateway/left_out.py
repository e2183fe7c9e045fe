"""Fields of a request that count as left out: null, an empty text where a text is optional, and the default.

Clients that are generated from an OpenAPI document send them. A default never makes a request fail, so an
explicit one must not count as chosen either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, SecretStr, model_validator

_TEXTS = (str, SecretStr, UUID, datetime, AwareDatetime)


@dataclass(frozen=True)
class OptionalField:
    """A field that may be left out: its default, null for none, and whether it takes a text."""

    default: Any
    is_text: bool

    def is_left_out(self, value: object) -> bool:
        """Tell whether the value counts as left out."""
        return value is None or (self.is_text and value == "") or _is_same(value, self.default)


def _is_same(value: object, default: object) -> bool:
    """Compare as JSON does: 4.0 is 4, and true is no 1."""
    kinds = {type(value), type(default)}
    return value == default and (len(kinds) == 1 or kinds == {int, float})


def drop_left_out(raw: Mapping[str, Any], optional: Mapping[str, OptionalField]) -> dict[str, Any]:
    """Return the fields that are chosen."""
    left_out = {name for name, field in optional.items() if name in raw and field.is_left_out(raw[name])}
    return {name: value for name, value in raw.items() if name not in left_out}


class RequestModel(BaseModel):
    """A part of a request, whose optional fields may be null, an empty text or their default."""

    @model_validator(mode="before")
    @classmethod
    def _drop_left_out(cls, raw: Any) -> Any:
        return drop_left_out(raw, _optional_fields(cls)) if isinstance(raw, Mapping) else raw


@lru_cache
def _optional_fields(model: type[BaseModel]) -> dict[str, OptionalField]:
    return {
        name: OptionalField(field.get_default(), _takes_text(field.annotation))
        for name, field in model.model_fields.items()
        if not field.is_required()
    }


def _takes_text(kind: Any) -> bool:
    """Tell whether a type, or one of a union, is written as a text in JSON."""
    kind = getattr(kind, "__value__", kind)  # of a named alias
    if get_origin(kind) is Literal:
        return any(isinstance(choice, str) for choice in get_args(kind))
    if get_origin(kind) in {list, dict}:
        return False
    alternatives = get_args(kind)
    if alternatives:
        return any(_takes_text(each) for each in alternatives)
    return isinstance(kind, type) and issubclass(kind, _TEXTS)
