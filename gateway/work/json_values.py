"""Columns in the form that JSON shows: read from the driver without the Python object in between.

A list of a hundred rows spent most of its time on making times, UUIDs and enumerations that were written as
text again at once.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import JSON, ColumnElement, Dialect, Enum, Uuid, type_coerce
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import UserDefinedType

from gateway.db import UTCDateTime

Processor = Callable[[Any], Any]
_NO_FRACTION = ".000000"


def json_value(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return the column with its values as JSON shows them: texts, numbers, lists and dictionaries."""
    kind = next((kind for kind in _PROCESSORS if isinstance(column.type, kind)), None)
    return column.expression if kind is None else type_coerce(column, _JsonValue(kind)).label(column.key)


class _JsonValue(UserDefinedType[Any]):
    """The type of a JSON column: the driver's values go through one function, or through none."""

    cache_ok = True

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:  # noqa: ARG002  SQLAlchemy's own
        """Return the function from the driver's value to JSON's."""
        return _PROCESSORS[self.kind].get(dialect.name)


def _dashed(text: str | None) -> str | None:
    """Return a UUID's text; SQLite holds its digits alone."""
    return text and f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


def _stored_time(text: str | None) -> str | None:
    """Return a time as RFC 3339 writes it; SQLite holds `2026-11-30 08:00:00.000000`, in UTC."""
    return text and f"{text[:10]}T{text[11:].removesuffix(_NO_FRACTION)}Z"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC).isoformat()[:-6]}Z"


def _parsed(text: str | None) -> Any:
    return None if text is None else from_json(text)


_PROCESSORS: dict[type[Any], dict[str, Processor]] = {
    Uuid: {"sqlite": _dashed, "postgresql": _as_text},
    UTCDateTime: {"sqlite": _stored_time, "postgresql": _time},
    JSON: {"sqlite": _parsed},
    Enum: {},
}
