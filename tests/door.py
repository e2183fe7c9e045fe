"""The writer of new work in tests: it counts requests that it has or that wait for it, and can be held."""

import threading
from collections.abc import Sequence

from sqlalchemy import select

from api.acceptance import _acceptances
from gateway.db import session_scope
from gateway.models import Event, Transfer
from gateway.work.acceptance import Result, Submission, accept


class Door:
    """A writer that waits while it is closed."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self._taken = 0

    def __call__(self, submissions: Sequence[Submission]) -> Sequence[Result]:
        self._taken += len(submissions)
        assert self.opened.wait(30)
        return accept(submissions)

    @property
    def number(self) -> int:
        """The number of requests that have come so far."""
        return self._taken + _acceptances._waiting.qsize()  # noqa: SLF001


def whole_rows() -> set[str]:
    """Return the ids of the transfers, each of which has one event and is sent or waits for its turn."""
    with session_scope(read_only=True) as session:
        rows = session.scalars(select(Transfer)).all()
        told = session.scalars(select(Event.work_id)).all()
    assert sorted(told) == sorted(row.id for row in rows)
    assert all(row.message_id or row.turn_at for row in rows)
    return {str(row.id) for row in rows}
