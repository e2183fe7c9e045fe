"""What the database says has happened to a row, SQLite or PostgreSQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import Executable, NullPool, create_engine, func, select, tuple_

from gateway.models import Event, Job, Transfer
from gateway.states import TransferState
from hpc_gateway_commands.demo.stack import Stack
from tests.client import Status


class History:
    """The rows of a stack's database, read without holding a connection between two looks."""

    def __init__(self, stack: Stack) -> None:
        self._engine = create_engine(stack.env["GATEWAY_DATABASE_URL"], poolclass=NullPool)

    def of(self, row: Status) -> list[str]:
        """Return the states that the row has gone through."""
        return [str(state) for state, _ in self._events(row)]

    def claims(self, row: Status) -> list[int]:
        """Return the number of the claim at each of them."""
        return [claim for _, claim in self._events(row)]

    def newest_transfer(self) -> str:
        """Return the id of the newest transfer."""
        return str(self._one(select(Transfer.id).order_by(Transfer.created_at.desc()).limit(1)))

    def count(self, model: type[Transfer | Job]) -> int:
        """Return the number of rows."""
        return int(self._one(select(func.count()).select_from(model)))

    def good_ends(self, parent: Status) -> list[int]:
        """Return how many times each child of a transfer has ended well."""
        ends = select(func.count()).join_from(Event, Transfer, Event.work_id == Transfer.id)
        mine = Transfer.parent_id == UUID(parent["id"]), Event.to_state == TransferState.COMPLETED
        return [int(count) for (count,) in self._all(ends.where(*mine).group_by(Transfer.id))]

    def last_event(self) -> str:
        """Return the place of the last event, as streams know it."""
        last = select(Event.xid, Event.id).order_by(Event.xid.desc(), Event.id.desc()).limit(1)
        return "-".join(map(str, self._all(last)[0])) if self._one(last) is not None else "0-0"

    def events_behind(self, place: str) -> list[Any]:
        """Return the events behind a place, in the order of commits, with places, rows and states."""
        xid, number = map(int, place.split("-"))
        told = select(Event.xid, Event.id, Event.work_id, Event.from_state, Event.to_state)
        behind = told.where(tuple_(Event.xid, Event.id) > tuple_(xid, number))
        return self._all(behind.order_by(Event.xid, Event.id))

    def is_held(self, transfer: Status) -> bool:
        """Tell whether a worker has the transfer."""
        mine = Transfer.id == UUID(transfer["id"])
        return bool(self._one(select(Transfer.lease_until.is_not(None)).where(mine)))

    def _events(self, row: Status) -> list[Any]:
        of_row = Event.work_id == UUID(row["id"])
        return self._all(select(Event.to_state, Event.claim).where(of_row).order_by(Event.id))

    def _one(self, query: Executable) -> Any:
        found = self._all(query)
        return found[0][0] if found else None

    def _all(self, query: Executable) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(query).all())
