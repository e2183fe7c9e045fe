"""JSON objects and arrays that a database makes of columns, in the words of each database."""

from typing import Any

from sqlalchemy import JSON, ColumnElement, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class json_array(FunctionElement[list[dict[str, Any]]]):  # noqa: N801  it reads as the SQL function that it is
    """An array with an object for each of the selected rows; null or empty where there is none."""

    type = JSON()
    inherit_cache = True

    def __init__(self, **columns: Any) -> None:
        pairs: list[ColumnElement[Any]] = []
        for name, column in columns.items():
            pairs += [literal_column(f"'{name}'"), column]
        super().__init__(*pairs)


@compiles(json_array, "sqlite")
def _sqlite_array(element: json_array, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_group_array(json_object({compiler.process(element.clauses, **kw)}))"


@compiles(json_array, "postgresql")
def _postgresql_array(element: json_array, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_agg(json_build_object({compiler.process(element.clauses, **kw)}))"
