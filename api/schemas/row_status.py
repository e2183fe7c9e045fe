"""The base of the statuses: the one place that tells which columns of a row a status shows, and how."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel
from pydantic_core import to_json

from gateway.callers import LOCAL, Caller
from gateway.models import Job, Transfer, Workflow


class RowStatus(BaseModel):
    """The status of a row, of its object or of the columns as JSON shows them."""

    renamed: ClassVar[dict[str, str]] = {}
    """The fields that are named differently than the columns they are made of."""
    untagged: ClassVar[frozenset[str]] = frozenset()
    """The fields whose change alone is no change of the status: neither its `ETag` nor a wait sees them."""

    @classmethod
    @lru_cache
    def columns(cls) -> tuple[str, ...]:
        """Return the columns of the fields, in the order of the fields."""
        return tuple(cls.renamed.get(name, name) for name in cls.model_fields)

    @classmethod
    def of(cls, row: Transfer | Job | Workflow, caller: Caller = LOCAL) -> Self:
        """Show a row."""
        return cls(**cls.values([getattr(row, name) for name in cls.columns()], caller))

    @classmethod
    def json_of(cls, row: Transfer | Job | Workflow, caller: Caller = LOCAL) -> str:
        """Return the JSON of a row's status, without the object in between."""
        return to_json(cls.values([getattr(row, name) for name in cls.columns()], caller)).decode()

    @classmethod
    def values(cls, columns: Sequence[Any], caller: Caller) -> dict[str, Any]:
        """Return the fields of a row's columns."""
        values = dict(zip(cls.model_fields, columns, strict=False))
        cls.derive(values, caller)
        return values

    @classmethod
    def derive(cls, values: dict[str, Any], caller: Caller) -> None:
        """Replace the columns by the fields that are made of them."""
        raise NotImplementedError
