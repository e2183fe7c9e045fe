"""The base of the tables: their metadata, and the types of their columns."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum
from sqlalchemy.orm import DeclarativeBase

from gateway.db import UTCDateTime


def enum_words(words: type[StrEnum]) -> Enum:
    """Return the type of a column that holds the words of an enumeration."""
    return Enum(words, native_enum=False, length=20, values_callable=lambda kind: [str(s) for s in kind])


class Base(DeclarativeBase):
    """The metadata that the migrations are compared with."""

    type_annotation_map = {datetime: UTCDateTime(), dict[str, Any]: JSON(none_as_null=True), list[str]: JSON}  # noqa: RUF012  SQLAlchemy's own idiom
