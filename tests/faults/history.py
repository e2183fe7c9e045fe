"""What the database says has happened to a row."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

from tests.client import Status


class History:
    """The events of a stack's database, read without disturbing it."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def of(self, row: Status) -> list[str]:
        """Return the states that the row has gone through."""
        return [state for state, _ in self._events(row)]

    def claims(self, row: Status) -> list[int]:
        """Return the number of the claim at each of them."""
        return [claim for _, claim in self._events(row)]

    def newest(self, table: str) -> str:
        """Return the id of the newest row, or nothing."""
        return self._one(f"SELECT id FROM {table} ORDER BY created_at DESC LIMIT 1")  # noqa: S608

    def count(self, table: str) -> int:
        """Return the number of rows."""
        return int(self._one(f"SELECT count(*) FROM {table}"))  # noqa: S608

    def holder(self, lease: str) -> str:
        """Return who holds a lease."""
        return self._one(f"SELECT holder FROM leases WHERE name = '{lease}'")  # noqa: S608

    def _one(self, query: str) -> str:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            found = connection.execute(query).fetchone()
        return str(found[0]) if found else ""

    def _events(self, row: Status) -> list[tuple[str, int]]:
        query = "SELECT to_state, claim FROM events WHERE work_id = ? ORDER BY id"
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            return connection.execute(query, (UUID(row["id"]).hex,)).fetchall()
