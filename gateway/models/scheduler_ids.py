"""The index by which jobs and members are found by the scheduler's id, and the condition of its rows."""

from sqlalchemy import ColumnElement, Index, literal_column, text

_KNOWN = "scheduler_id <> ''"


def scheduler_id_index(table: str) -> Index:
    """Return the index of the rows that a scheduler got: it is written once a row and run."""
    condition = text(_KNOWN)
    return Index(
        f"ix_{table}_scheduler_id", "scheduler_id", postgresql_where=condition, sqlite_where=condition
    )


def has_scheduler_id(table: str) -> ColumnElement[bool]:
    """Return the condition of the index; literal, so that the index can serve it."""
    return literal_column(f"({table}.{_KNOWN})")  # of no type: SQLite would compare a boolean with 1
