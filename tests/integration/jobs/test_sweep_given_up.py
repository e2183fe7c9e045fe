"""A sweep whose submission ends for good: earlier members go on to their ends, and none runs twice."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select, update

from gateway.db import due_in, session_scope
from gateway.errors import Cancelled, Fault, FilesystemError, SchedulerError
from gateway.jobs import lifecycle as jobs
from gateway.jobs import member_ending
from gateway.jobs.member_runs import place_members
from gateway.models import Job
from gateway.operations import retries
from gateway.operations.sweep import sweep
from gateway.schedulers.base import JobReport
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import claims
from tests.integration.jobs.sweep_queue import Arrays, F, P, R, S, look, states, strides, submit
from tests.rows import job, members_of, new_sweep
from workers import sweep_submission
from workers.tasks import jobs as tasks

pytestmark = pytest.mark.usefixtures("database", "home", "results")
C = JobState.CANCELLED


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let members that have succeeded leave results; no kernel runs here."""
    monkeypatch.setattr(member_ending, "read_ending", lambda *told: (JobState(told[4]["state"]), "", []))


def reports(row_id: UUID, state: JobState) -> dict[str, JobReport]:
    named = [member for member in members_of(row_id) if member.name]
    return {m.name: JobReport(m.name, "1", state, exit_code=0 if state is S else None) for m in named}


def _between_submissions(arrays: Arrays) -> UUID:
    """Return a sweep of which two members have ended well and two wait for their submission."""
    arrays.largest = arrays.room = 2
    row_id = new_sweep(*strides(4))
    submit(row_id)
    arrays.reports = reports(row_id, S)
    look(arrays)
    assert (job(row_id).state, states(row_id)[:2]) == (JobState.RETRYING, [S, S])
    return row_id


def _set(row_id: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(**values))


def _end(arrays: Arrays, row_id: UUID) -> Job:
    look(arrays)
    assert job(row_id).finding is not None
    told = tasks.finish.apply(args=[str(row_id)]).result
    assert isinstance(told, SchedulerError), "Flower shows the reason"
    assert all(m.usage for m in members_of(row_id)[:2]), "the ends of those that ran are read"
    return job(row_id)


def _cancel(row_id: UUID) -> None:
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    with pytest.raises(Cancelled):  # the last member that was refused has a place, which is taken back
        submit(row_id)


def _wait_for_a_worker(row_id: UUID) -> None:
    _set(row_id, queued_at=due_in(-get_settings().unserved_s - 1), message_id=None)
    with session_scope() as session:
        sweep(session)


def _die_too_often(row_id: UUID) -> None:
    _set(row_id, failures=get_settings().budget("job"), lease_until=due_in(-1))
    with session_scope() as session:
        assert claims.take_submission(session, row_id, "w2") is None


@pytest.mark.parametrize(
    ("give_up", "state", "reason", "fault"),
    [
        (_cancel, C, "cancelled on request", None),
        (_wait_for_a_worker, F, "no worker was connected", Fault.WORKERS),
        (_die_too_often, F, "workers died while they worked on it", Fault.WORKERS),
    ],
    ids=["cancel", "unserved", "dead workers"],
)
def test_the_ends_of_the_members_that_ran_are_read_before_the_job_ends(
    arrays: Arrays, give_up: Callable[[UUID], None], state: JobState, reason: str, fault: Fault | None
) -> None:
    row_id = _between_submissions(arrays)
    give_up(row_id)
    row = job(row_id)
    assert (row.state, row.ended_at, row.members_left) == (P, None, 2)
    assert [m.state for m in members_of(row_id)[2:]] == [state, state]
    row = _end(arrays, row_id)
    assert (row.state in {state, F}, row.members_left, row.lease_until) == (True, 0, None)
    assert row.fault is fault, "as it was given up for, not the kernels'"
    assert all(reason in m.reason for m in members_of(row_id)[2:])


def test_members_in_the_scheduler_are_watched_when_the_next_array_fails(
    arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its watcher they would run on unseen, and a retry would run them a second time."""
    arrays.largest = 2
    row_id = new_sweep(*strides(4))
    monkeypatch.setattr(
        sweep_submission, "place_members", lambda *a: _full() if arrays.arrays() else place_members(*a)
    )
    with pytest.raises(FilesystemError):
        submit(row_id)
    row = job(row_id)
    assert (row.state, row.fault, states(row_id)) == (P, Fault.FILESYSTEM, [P, P, F, F])
    arrays.reports = reports(row_id, R)
    look(arrays)
    with pytest.raises(Exception, match="only ended work can be retried"), session_scope() as session:
        retries.retry(session, session.get_one(Job, row_id), "ada")
    arrays.reports = reports(row_id, S)
    row = _end(arrays, row_id)
    assert (row.state, row.fault, len(arrays.arrays())) == (F, Fault.FILESYSTEM, 1)
    assert "the disk is full" in members_of(row_id)[2].reason
    assert job(row_id).ended_at is not None


def _full() -> None:
    raise FilesystemError("the disk is full")


def test_the_worker_that_was_given_up_writes_no_more(arrays: Arrays) -> None:
    row_id = _between_submissions(arrays)
    with session_scope() as session:
        stale = claims.take_submission(session, row_id, "slow")
    assert stale is not None
    _die_too_often(row_id)
    with session_scope() as session:
        assert session.scalar(select(Job.claim).where(Job.id == row_id)) == stale.number + 1


def test_members_that_waited_for_room_are_no_losses(arrays: Arrays) -> None:
    """An account takes one member at a time; the last of them is lost once, and is submitted again."""
    arrays.largest = arrays.room = 1
    row_id = new_sweep(*strides(8))
    for number in range(7):
        assert submit(row_id).state is P
        name = members_of(row_id)[number].name
        arrays.reports = {name: JobReport(name, "1", S, exit_code=0)}
        look(arrays)
        arrays.room = 1
    assert submit(row_id).state is P
    arrays.reports, arrays.recalled = {}, {members_of(row_id)[7].name: None}
    look(arrays)
    assert (job(row_id).state, job(row_id).failures) == (JobState.RETRYING, 1)
    arrays.room = 1
    _set(row_id, retry_at=None)
    assert submit(row_id).state is P
