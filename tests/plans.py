"""The plans that a database makes for statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, text

from gateway.db import session_scope

PREFER_INDEXES = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort")


@contextmanager
def explained(*, prefers_indexes: bool = True) -> Iterator[tuple[Connection, list[str]]]:
    """Collect the plans of the statements of a connection; PostgreSQL would scan a table that is empty.

    Without the preference the plans are those of the tables as they are.
    """
    plans: list[str] = []
    with session_scope(read_only=True) as session:
        connection = session.connection()
        on_postgresql = connection.dialect.name == "postgresql"
        for name in PREFER_INDEXES if on_postgresql and prefers_indexes else ():
            connection.execute(text(f"SET LOCAL {name} = off"))
        words = "EXPLAIN" if on_postgresql else "EXPLAIN QUERY PLAN"

        def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
            cursor.execute(f"{words} {statement}", parameters)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))

        event.listen(connection, "before_cursor_execute", explain)
        yield connection, plans
        event.remove(connection, "before_cursor_execute", explain)
