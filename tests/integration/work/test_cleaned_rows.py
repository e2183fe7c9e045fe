"""Reasons and actors are cleaned on their way into rows and events, for one row and for many."""

import pytest
from sqlalchemy import select

from gateway.clusters.heartbeats import record_heartbeat
from gateway.db import session_scope
from gateway.models import Event, Heartbeat, Transfer
from gateway.states import TransferState
from gateway.work import transitions
from gateway.work.transitions import move_many
from tests.rows import new_transfer

HOSTILE = "no \x1b]0;owned\x07\n\0\u202eend" + "x" * 5000
CLEAN = "no \\x1b]0;owned\\x07 \\x00\\u202eend"
pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("many", [False, True])
def test_a_row_and_its_events(*, many: bool) -> None:
    row_id = new_transfer()
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        if many:
            where = Transfer.id == row_id
            move_many(session, Transfer, where, TransferState.CANCELLED, reason=HOSTILE, actor=HOSTILE)
        else:
            transitions.move(session, row, TransferState.CANCELLED, HOSTILE, HOSTILE)
    with session_scope(read_only=True) as session:
        last = session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert last is not None
        for text, longest in (
            (session.get_one(Transfer, row_id).reason, 2000),
            (last.reason, 2000),
            (last.actor, 255),
        ):
            assert text.startswith(CLEAN)
            assert len(text) == longest


def test_a_health_check() -> None:
    with session_scope() as session:
        record_heartbeat(session, "hpc", "w", HOSTILE, HOSTILE)
    with session_scope(read_only=True) as session:
        found = session.get_one(Heartbeat, "hpc")
        assert found.scheduler.startswith(CLEAN)
        assert found.filesystem.isprintable()
