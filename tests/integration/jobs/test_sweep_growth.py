"""Members that end by memory or time grow: they alone run again, with twice of it."""

from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import due_in, get_engine, session_scope
from gateway.jobs import lifecycle, member_growth, members
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job, JobMember
from gateway.operations import retries
from gateway.states import JobState
from gateway.work import claims, transitions
from tests.killed_at_line import kill_at_line
from tests.rows import create, job, members_of
from tests.running_jobs import finish, submit
from workers.tasks import jobs as tasks

pytestmark = pytest.mark.usefixtures("database", "home")
S, T, M, A = JobState.SUCCEEDED, JobState.TIMEOUT, JobState.OUT_OF_MEMORY, JobState.ACCEPTED
TRACED = {module.__file__ for module in (member_growth, lifecycle, members, tasks, claims, transitions)}


def _new(number: int, **resources: object) -> UUID:
    asked = ResourceRequest(**{"time_limit_s": 60, "grow": True, **resources})
    params = {"read_input_data": "/x.csv"}
    with session_scope() as session:
        request = lifecycle.JobRequest(["fft"], "hpc", params, resources=asked)
        row_id = create(session, lifecycle.draft(session, "local", request))
        row = session.get_one(Job, row_id)
        members.insert_members(session, row, [{"perforation_stride": k + 1} for k in range(number)], params)
    return row_id


def _ended(*states: JobState, **resources: object) -> UUID:
    """Return a sweep whose members have run in the scheduler and ended so, before their ends are read."""
    row_id = _new(len(states), **resources)
    submit(row_id)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state, row.finding = JobState.RUNNING, {"state": "succeeded", "exit_code": None, "reason": ""}
        for number, state in enumerate(states):
            _end(session.get_one(JobMember, (row_id, number)), state)
    return row_id


def _end(member: JobMember, state: JobState) -> None:
    member.state = state
    member.finding = {"state": str(state), "exit_code": None, "reason": f"told {state}"}


def _finish(row_id: UUID) -> Job:
    tasks.finish.apply(args=[str(row_id)])
    return job(row_id)


def _told(row_id: UUID) -> list[tuple[JobState, int]]:
    return [(member.state, member.run) for member in members_of(row_id)]


def test_members_without_time_run_again_with_twice_of_it_and_no_other(home: Path) -> None:
    row_id = _ended(JobState.FAILED, T, T)
    row = _finish(row_id)
    assert (row.state, row.attempt, row.run, row.growths, row.members_left) == (JobState.RETRYING, 1, 2, 1, 2)
    assert row.resources["time_limit_s"] == 120
    words = "run again with resources.time_limit_s 120 in place of 60: told timeout"
    assert row.reason == f"2 of 3 members {words}"
    assert [m.reason for m in members_of(row_id)] == ["told failed", words, words]
    assert _told(row_id) == [(JobState.FAILED, 1), (A, 1), (A, 1)]
    submit(row_id)
    row = finish(row_id)
    assert (row.state, row.run) == (JobState.FAILED, 2)
    assert _told(row_id) == [(JobState.FAILED, 1), (S, 2), (S, 2)]
    assert all(m.outputs for m in members_of(row_id)[1:])
    table = home / "serrano/data/Output_Data/jobs" / row.name / "members.csv"
    assert [line.split(",")[1] for line in table.read_text().splitlines()[1:]] == [
        "failed",
        *["succeeded"] * 2,
    ]


def test_time_and_memory_grow_each_for_its_own_cause() -> None:
    row = _finish(_ended(T, M, memory_bytes=2000))
    assert (row.state, row.growths, row.members_left) == (JobState.RETRYING, 1, 2)
    assert (row.resources["time_limit_s"], row.resources["memory_per_cpu_bytes"]) == (120, 1000)
    assert "resources.memory_bytes 4000 in place of 2000" in row.reason


def test_the_largest_limit_that_the_scheduler_tells_is_doubled() -> None:
    row_id = _ended(T, T)
    with session_scope() as session:
        one = session.get_one(JobMember, (row_id, 1))
        one.finding = (one.finding or {}) | {"limits": {"time_limit_s": 300, "memory_per_cpu_bytes": None}}
    assert _finish(row_id).resources["time_limit_s"] == 600


@pytest.mark.parametrize(
    ("values", "resources", "words"),
    [
        ({"growths": 2}, {}, "not run again: this attempt has grown 2 times"),
        ({"cancel_requested_at": due_in(0)}, {}, "not run again: its cancellation was requested"),
        ({}, {"grow": False}, "told timeout"),
    ],
    ids=["twice", "cancelled", "not asked for"],
)
def test_other_ends_are_final_and_say_why(
    values: dict[str, object], resources: dict[str, object], words: str
) -> None:
    row_id = _ended(T, T, **resources)
    with session_scope() as session:
        for name, value in values.items():
            setattr(session.get_one(Job, row_id), name, value)
    row = _finish(row_id)
    assert (row.state, row.run) == (T, 1)
    assert all(words in member.reason for member in members_of(row_id))


def test_a_retry_by_hand_may_grow_again() -> None:
    row_id = _ended(T, T)
    with session_scope() as session:
        session.get_one(Job, row_id).growths = 2
    _finish(row_id)
    with session_scope() as session:
        retries.retry(session, session.get_one(Job, row_id), "ada")
    row = job(row_id)
    assert (row.growths, row.attempt, row.members_left) == (0, 2, 2)


@pytest.mark.parametrize("line", range(4, 100, 24))
def test_a_worker_that_is_killed_anywhere_leaves_one_growth(line: int) -> None:
    row_id = _ended(JobState.FAILED, T)
    get_engine().dispose()  # a connection belongs to one process
    kill_at_line(line, TRACED, partial(tasks.finish.apply, args=[str(row_id)]))
    with session_scope() as session:
        lease = update(Job).where(Job.id == row_id, Job.lease_until.is_not(None))
        session.execute(lease.values(lease_until=due_in(-1)))
    for _ in range(2):
        _finish(row_id)
    row = job(row_id)
    assert (row.state, row.run, row.growths, row.members_left) == (JobState.RETRYING, 2, 1, 1)
    assert _told(row_id) == [(JobState.FAILED, 1), (A, 1)]
