"""A process killed at a line while it accepts a batch: each key has its row once, and each row is sent."""

from functools import partial
from itertools import count

import pytest
from sqlalchemy import func, select

import gateway.commits
import gateway.work.acceptance
import gateway.work.turns
from gateway.db import get_engine, session_scope
from gateway.models import Event, IdempotencyKey, Transfer
from gateway.storage.address import Credentials
from gateway.transfers import lifecycle as transfers
from gateway.work import acceptance
from gateway.work.acceptance import Accepted, Submission
from gateway.work.idempotency import KeyedRequest
from tests.killed_at_line import kill_at_line
from tests.rows import S3, sending

pytestmark = pytest.mark.usefixtures("database")
TRACED = [module.__file__ for module in (gateway.commits, gateway.work.acceptance, gateway.work.turns)]
REQUESTS = 3


def batch(name: str) -> list[Submission]:
    """Return requests, each with a key of its own."""
    return [_submission(f"{name}-{number}") for number in range(REQUESTS)]


def _submission(key: str) -> Submission:
    request = transfers.S3Request("s3_data", "hpc", path="x.csv", opening=Credentials("a", "s"), **S3)
    return Submission(
        lambda session: transfers.draft(session, "a", request),
        lambda row: str(row.id),
        KeyedRequest("a", key, b"POST"),
    )


@pytest.mark.parametrize("step", [31, pytest.param(2, marks=pytest.mark.long)], ids="every-{}".format)
def test_each_request_has_one_row_that_is_sent(step: int) -> None:
    for number in count():
        submissions = batch(str(number))
        get_engine().dispose()  # a connection belongs to one process
        died = kill_at_line(number * step, TRACED, partial(acceptance.accept, submissions))
        with session_scope(read_only=True) as session:
            rows = session.scalars(select(Transfer).where(Transfer.ended_at.is_(None))).all()
            assert len(rows) % REQUESTS == 0, "a batch is committed as a whole"
            assert all((row.message_id or row.turn_at) is not None for row in rows), "the sweep finds each"
            assert all(row.next_send_at is not None for row in rows if row.message_id), number
            assert session.scalar(select(func.count()).select_from(Event)) == len(rows)
        with sending():
            answers = acceptance.accept(submissions)
        ids = {each.answer.body for each in answers if isinstance(each, Accepted)}
        assert len(ids) == REQUESTS
        with session_scope(read_only=True) as session:
            known = {str(each) for each in session.scalars(select(Transfer.id))}
            assert len(known) == session.scalar(select(func.count()).select_from(IdempotencyKey))
        assert ids <= known
        assert len(known) == REQUESTS * (number + 1), "no request has two rows"
        if not died:
            break
    assert number * step > 100
