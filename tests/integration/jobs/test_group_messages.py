"""Messages of new jobs: they share the next one, and leave the turns of other owners."""

from pathlib import Path

import pytest

from gateway.db import session_scope
from gateway.models import Job
from gateway.work import turns
from tests.rows import job, new_job, sending
from tests.submission_queue import Queue, submit
from tests.turns import serve
from workers import job_submission

pytestmark = pytest.mark.usefixtures("database", "home")


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue(tmp_path / "queue")
    monkeypatch.setattr(job_submission, "open_scheduler", lambda _: made)
    return made


def test_new_jobs_wait_for_the_first_ones_claim_and_share_the_next_message(queue: Queue) -> None:
    serve()
    with sending() as sent:
        first, *others = (new_job("fft") for _ in range(5))
    assert [(message.id, message.others) for message in sent] == [(first, ())]
    assert all(job(each).turn_at is not None for each in others)
    with sending() as sent:
        submit(first)
    assert [(message.id, message.others) for message in sent] == [(others[0], tuple(others[1:]))]
    assert {job(each).message_id for each in others} == {others[0]}
    submit(*others)
    assert len(queue.names()) == 5


def test_a_group_counts_as_one_message_and_leaves_the_turn_of_another_owner(queue: Queue) -> None:
    serve(2)
    mine = [new_job("fft", owner="ada") for _ in range(6)]
    assert mine
    with sending() as sent:
        submit(mine[0])
        new_job("fft", owner="bob")
    assert [len((message.id, *message.others)) for message in sent] == [5, 1]
    with session_scope(read_only=True) as session:
        _, loads = turns.load_cluster(session, Job, "hpc")
    assert (loads["ada"].sent, loads["bob"].sent) == (1, 1)


def test_a_row_that_waits_for_a_claim_committed_meanwhile_is_sent(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the claim and the new row may commit without having seen each other."""
    serve()
    plain = turns._find_own_allowance  # noqa: SLF001
    seen = [(turns.Allowance(0, 0), 1)]  # as it was before the claim
    monkeypatch.setattr(turns, "_find_own_allowance", lambda *place: seen.pop() if seen else plain(*place))
    with sending() as sent:
        row_id = new_job("fft")
    assert [message.id for message in sent] == [row_id]
    assert job(row_id).turn_at is None
