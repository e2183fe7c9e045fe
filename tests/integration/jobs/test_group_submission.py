"""Jobs of one message: their steps are taken together, and each job is submitted once, whatever happens."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gateway.db import due_in, get_engine, session_scope
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.jobs import lifecycle as jobs
from gateway.jobs import submissions
from gateway.models import Job
from gateway.schedulers.base import JobSpec
from gateway.states import JobState
from gateway.work import claims, group_claims, transitions
from gateway.work.claims import Claim
from tests.killed_at_line import kill_at_line
from tests.rows import job, new_job
from tests.submission_queue import WORKER, Queue, submit
from workers import job_submission
from workers.job_submission import AT_ONCE
from workers.row_errors import SomeFailed

pytestmark = pytest.mark.usefixtures("database", "home")


TRACED = {module.__file__ for module in (group_claims, job_submission, submissions)}


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue(tmp_path / "queue")
    monkeypatch.setattr(job_submission, "open_scheduler", lambda _: made)
    return made


def _set(row_ids: Sequence[UUID], **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id.in_(row_ids)).values(**values))


def _events(row_id: UUID) -> list[tuple[str, str, int, str]]:
    with session_scope(read_only=True) as session:
        events = transitions.events(session, session.get_one(Job, row_id))
    return [(each.from_state, each.to_state, each.claim, each.worker) for each in events]


def test_all_are_submitted_once_and_a_message_that_comes_twice_finds_nothing_to_do(queue: Queue) -> None:
    row_ids = [new_job("fft") for _ in range(AT_ONCE + 3)]
    for _ in range(2):
        submit(*row_ids)
    rows = [job(row_id) for row_id in row_ids]
    assert sorted(queue.names()) == sorted((row.scheduler_id, row.name) for row in rows)
    assert {(row.state, row.claim, row.worker, row.failures, row.run) for row in rows} == {
        (JobState.PENDING, 1, WORKER, 0, 1)
    }
    assert {(row.lease_until, row.next_send_at, row.message_id, row.turn_at) for row in rows} == {
        (None, None, None, None)
    }
    assert all(row.submitted_at is not None for row in rows)
    assert _events(row_ids[-1]) == [
        ("", "accepted", 0, ""),
        ("accepted", "submitting", 1, WORKER),
        ("submitting", "pending", 1, WORKER),
    ]
    assert queue.looks == 0


def test_a_job_alone_and_a_job_of_a_group_have_the_same_columns(queue: Queue) -> None:
    alone, *group = (new_job("fft") for _ in "123")
    submit(alone)
    submit(*group)
    times = {"created_at", "queued_at", "updated_at", "submitted_at"}
    differ = {"id", "scheduler_id", "output_identity", "sends", *times}
    names = [column.key for column in Job.__table__.columns if column.key not in differ]
    first, second = ({name: getattr(job(each), name) for name in names} for each in (alone, group[0]))
    assert first == second
    assert _events(alone) == _events(group[0])


def test_an_error_is_that_of_its_own_job(queue: Queue) -> None:
    good, refused, busy, odd = row_ids = [new_job("fft") for _ in range(4)]
    queue._refusals = {  # noqa: SLF001  the fake is this test's own
        refused: SchedulerError("Slurm refused: no such partition"),
        busy: SchedulerUnavailable("Slurm does not answer"),
    }
    _set([odd], params={})
    with pytest.raises(SomeFailed, match="3 of 4 failed"):
        submit(*row_ids)
    assert [job(each).state for each in row_ids] == [
        JobState.PENDING,
        JobState.FAILED,
        JobState.RETRYING,
        JobState.FAILED,
    ]
    assert job(refused).reason == "Slurm refused: no such partition"
    assert job(busy).next_send_at is not None
    assert "internal error (KeyError)" in job(odd).reason
    assert [name for _, name in queue.names()] == [job(good).name]


def test_after_an_end_of_the_scheduler_no_further_job_is_tried(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Sequence[JobSpec]) -> list[str]:
        raise SchedulerUnavailable("Slurm does not answer")

    monkeypatch.setattr(queue, "submit_many", away)
    row_ids = [new_job("fft") for _ in range(3)]
    with pytest.raises(SomeFailed, match="3 of 3"):
        submit(*row_ids)
    assert {(job(each).state, job(each).failures) for each in row_ids} == {(JobState.RETRYING, 1)}


def test_jobs_that_are_not_new_are_left_to_messages_of_their_own(queue: Queue) -> None:
    cancelled, failed, claimed, new = row_ids = [new_job("fft") for _ in range(4)]
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, cancelled))
    _set([failed], state=JobState.RETRYING, failures=1)
    with session_scope() as session:
        assert claims.take_submission(session, claimed, "w2")
    submit(*row_ids)
    assert [job(each).state for each in row_ids] == [
        JobState.CANCELLED,
        JobState.RETRYING,
        JobState.SUBMITTING,
        JobState.PENDING,
    ]
    assert [name for _, name in queue.names()] == [job(new).name]


def test_a_cancel_while_the_group_is_under_way_is_the_watchers(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_ids = [new_job("fft") for _ in range(2)]
    plain = queue.submit_many

    def cancelled(specs: Sequence[JobSpec]) -> list[str | SchedulerError]:
        with session_scope() as session:
            jobs.cancel(session, session.get_one(Job, row_ids[0], with_for_update=True))
        return plain(specs)

    monkeypatch.setattr(queue, "submit_many", cancelled)
    submit(*row_ids)
    assert [job(each).state for each in row_ids] == [JobState.PENDING] * 2
    assert job(row_ids[0]).cancel_requested_at is not None


def test_a_job_that_another_worker_has_claimed_meanwhile_stays_that_workers(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_ids = [new_job("fft") for _ in range(3)]
    plain = queue.submit_many

    def claimed(specs: Sequence[JobSpec]) -> list[str | SchedulerError]:
        results = plain(specs)
        _set(row_ids[:1], lease_until=due_in(-1))
        submit(row_ids[0], worker="w2")
        return results

    monkeypatch.setattr(queue, "submit_many", claimed)
    submit(*row_ids)
    taken = job(row_ids[0])
    assert (taken.state, taken.claim, taken.worker) == (JobState.PENDING, 2, "w2")
    assert sorted(queue.names()) == sorted((job(each).scheduler_id, job(each).name) for each in row_ids)
    assert _events(row_ids[0])[-1] == ("submitting", "pending", 2, "w2")


def test_a_claim_that_is_lost_before_the_submission_submits_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, held = row_ids = [new_job("fft") for _ in range(2)]
    plain = submissions.record_runs

    def late(session: Session, rows: dict[Claim, Job], runs: dict[Claim, submissions.Run]) -> object:
        session.execute(update(Job).where(Job.id == lost).values(claim=Job.claim + 1))
        return plain(session, rows, runs)

    monkeypatch.setattr(submissions, "record_runs", late)
    submit(*row_ids)
    assert [name for _, name in queue.names()] == [job(held).name]
    assert [job(each).state for each in row_ids] == [JobState.SUBMITTING, JobState.PENDING]


def test_a_database_that_is_away_for_the_record_leaves_them_to_be_adopted(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("COMMIT", {}, RuntimeError("the connection is lost"))

    row_ids = [new_job("fft") for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(submissions, "record_submissions", away)
        with pytest.raises(OperationalError):
            submit(*row_ids)
    _set(row_ids, lease_until=due_in(-1))
    for row_id in row_ids:
        submit(row_id, worker="w2")
    assert sorted(queue.names()) == sorted((job(each).scheduler_id, job(each).name) for each in row_ids)
    assert {job(each).state for each in row_ids} == {JobState.PENDING}
    assert queue.looks == 3


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)], ids="every-{}".format)
def test_a_worker_killed_at_any_line_leaves_each_job_in_the_scheduler_once(queue: Queue, step: int) -> None:
    """The sweeper sends each row alone when its lease has expired: its next claim adopts or submits it."""
    line, died = 0, True
    while died:
        row_ids = [new_job("fft") for _ in range(2)]
        get_engine().dispose()  # a connection belongs to one process
        died = kill_at_line(line, TRACED, partial(submit, *row_ids))
        with session_scope() as session:
            held = Job.id.in_(row_ids), Job.lease_until.is_not(None)
            session.execute(update(Job).where(*held).values(lease_until=due_in(-1)))
        for row_id in row_ids:
            submit(row_id, worker="w2")
        names = [name for _, name in queue.names()]
        for row_id in row_ids:
            row = job(row_id)
            assert (row.state, names.count(row.name), row.attempt) == (JobState.PENDING, 1, 1), line
            assert (row.scheduler_id, row.name) in queue.names(), line
            pending = [each for each in _events(row_id) if each[1] == "pending"]
            assert len(pending) == 1, line
        for path in queue._folder.iterdir():  # noqa: SLF001  the fake is this test's own
            path.unlink()
        line += step
    assert line > 100
