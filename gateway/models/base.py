"""The base of the tables: their metadata, and the types of their columns."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import JSON, Dialect, Enum, String, Text
from sqlalchemy.orm import DeclarativeBase, class_mapper
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeDecorator

from gateway.cleaning import LONGEST, clean
from gateway.db import UTCDateTime

_NULL = ScalarElementColumnDefault(None)
Row = TypeVar("Row", bound="Base")


class CleanText(TypeDecorator[str]):
    """Text that may quote a server, a scheduler or a client; it is cleaned on its way to the database."""

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's own
        """Return the type of the column: of limited length where one is given."""
        return String(self.length) if self.length else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's own
        """Clean a value."""
        return None if value is None else clean(value, self.length or LONGEST)


def enum_words(words: type[StrEnum]) -> Enum:
    """Return the type of a column that holds the words of an enumeration."""
    return Enum(words, native_enum=False, length=20, values_callable=lambda kind: [str(s) for s in kind])


class Base(DeclarativeBase):
    """The metadata that the migrations are compared with."""

    type_annotation_map = {datetime: UTCDateTime(), dict[str, Any]: JSON(none_as_null=True), list[str]: JSON}  # noqa: RUF012  SQLAlchemy's own idiom


def new_row(model: type[Row], **values: Any) -> Row:
    """Return a new row with these values, set behind the ORM, whose constructor takes three times as long."""
    row: Row = class_mapper(model).class_manager.new_instance()
    vars(row).update(values)
    return row


def fill_defaults(row: Base) -> None:
    """Set the columns of a new row that have no value yet, as an insert by the ORM would.

    The row is for Core statements alone: its values are set behind the ORM, which takes a tenth of the time.
    """
    values = vars(row)
    for name, default in _defaults(type(row)):
        if values.get(name) is None:
            values[name] = default.arg(None) if default.is_callable else default.arg


@lru_cache
def _defaults(model: type[Base]) -> list[tuple[str, Any]]:
    return [(column.key, column.default or _NULL) for column in model.__table__.columns]
