"""The indexes of lists: pages newest first, of all rows or of one state, for one owner or for all.

Those that hold the state count by state from the index alone. PostgreSQL reads a page in order where the
columns before `created_at` are compared by `=` alone: so the rows of clients and the children of a prefix
have partial indexes of their own. SQLite counts from an index alone where the index has every column that
the query names: so the last one is there for its sake.
"""

from sqlalchemy import Index, text


def list_indexes(table: str) -> list[Index]:
    """Return the indexes of the lists of a table."""
    if table != "transfers":
        return [_index(table, *columns) for columns in ((), ("state",), ("owner",), ("owner", "state"))]
    kinds = [("kind", *columns) for columns in ((), ("state",), ("owner",), ("owner", "state"))]
    children = [("parent_id",), ("parent_id", "state")]
    return [
        *(_index(table, *columns, where="parent_id IS NULL", last="parent_id") for columns in kinds),
        *(_index(table, *columns, where="parent_id IS NOT NULL", last="kind") for columns in children),
    ]


def _index(table: str, *columns: str, where: str = "", last: str = "") -> Index:
    condition = text(where) if where else None
    keys = [*columns, "created_at", "id", *([last] if last else [])]
    name = "_".join(("ix", table, "list", *columns))
    return Index(name, *keys, postgresql_where=condition, sqlite_where=condition)
