"""The submission of a sweep: arrays within the scheduler's limits, each once, also after a kill anywhere."""

import json
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import due_in, get_engine, session_scope
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.jobs import member_submissions
from gateway.models import Job
from gateway.schedulers.arrays import member_name
from gateway.schedulers.base import JobReport
from gateway.states import JobState
from tests.integration.jobs.sweep_queue import Arrays, F, P, R, S, look, states, strides, submit
from tests.killed_at_line import kill_at_line
from tests.rows import job, members_of, new_sweep
from tests.running_jobs import control_of
from workers import sweep_submission

pytestmark = pytest.mark.usefixtures("database", "home")


TRACED = {module.__file__ for module in (sweep_submission, member_submissions)}


def let_lease_expire(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(lease_until=due_in(-1)))


def let_retry_come(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(retry_at=None))


def report(row_id: UUID, array: int, states: dict[int, JobState], run: int = 1) -> dict[str, JobReport]:
    names = {k: member_name(f"{row_id}.{run}.{array}", k) for k in states}
    return {name: JobReport(name, f"1_{k}", states[k], exit_code=0) for k, name in names.items()}


def test_a_thousand_members_are_one_submission(arrays: Arrays) -> None:
    row_id = new_sweep(*[{}] * 1000)
    row = submit(row_id)
    assert arrays.arrays() == [("001", f"{row_id}.1.0", 1000)]
    assert (row.state, row.claim, row.failures, row.lease_until) == (P, 1, 0, None)
    assert {(m.state, m.scheduler_id) for m in members_of(row_id)} == {(P, "1")}
    submit(row_id)
    assert arrays.calls["submit"] == 1


def test_more_members_than_an_array_may_have_are_several_arrays(arrays: Arrays) -> None:
    arrays.largest = 4
    row_id = new_sweep(*strides(9))
    submit(row_id)
    assert [size for _, _, size in arrays.arrays()] == [4, 4, 1]
    assert [m.name for m in members_of(row_id)][3:5] == [f"{row_id}.1.0[4]", f"{row_id}.1.1[1]"]
    assert members_of(row_id)[8].name == f"{row_id}.1.2"


def test_a_limit_of_the_account_is_filled_and_the_others_follow_when_those_have_ended(arrays: Arrays) -> None:
    arrays.room = 5
    row_id = new_sweep(*strides(8))
    row = submit(row_id)
    assert [size for _, _, size in arrays.arrays()] == [4, 1]
    assert (row.state, row.reason) == (P, "3 members wait until others have ended")
    numbers = [int(name.rpartition(".")[2]) for _, name, _ in arrays.arrays()]
    arrays.reports = report(row_id, numbers[0], dict.fromkeys((1, 2, 3, 4), S))
    arrays.reports |= {f"{row_id}.1.{numbers[1]}": JobReport(f"{row_id}.1.{numbers[1]}", "2", S, exit_code=0)}
    look(arrays)
    row = job(row_id)
    assert (row.state, row.failures, row.members_left) == (JobState.RETRYING, 0, 3)
    arrays.room = 10
    assert submit(row_id).state is P
    assert [size for _, _, size in arrays.arrays()] == [4, 1, 1, 2]
    assert states(row_id) == [S] * 5 + [P] * 3


def test_an_array_that_is_refused_for_ever_fails_the_job_and_its_members(arrays: Arrays) -> None:
    arrays.room = 0
    row_id = new_sweep(*strides(3))
    with pytest.raises(SchedulerError):
        submit(row_id)
    assert (job(row_id).state, job(row_id).reason) == (F, "no")
    assert {(m.state, m.reason) for m in members_of(row_id)} == {(F, "no")}


def test_a_scheduler_that_is_away_is_asked_again_for_the_same_array(arrays: Arrays) -> None:
    arrays.room, arrays.error, arrays.largest = 0, SchedulerUnavailable("away"), 1
    row_id = new_sweep({})
    with pytest.raises(SchedulerUnavailable):
        submit(row_id)
    assert job(row_id).state is JobState.RETRYING
    let_retry_come(row_id)
    arrays.room = 1
    assert submit(row_id).state is P
    assert arrays.arrays() == [("001", f"{row_id}.1.0", 1)]


@pytest.mark.parametrize("line", range(3, 120, 13))
def test_a_worker_that_is_killed_anywhere_costs_no_member_and_doubles_none(arrays: Arrays, line: int) -> None:
    """Each place that is committed is found by the next claim; a folder without a record is left alone."""
    arrays.largest = 2
    row_id = new_sweep(*strides(5))
    get_engine().dispose()  # a connection belongs to one process
    killed = kill_at_line(line, TRACED, lambda: submit(row_id))
    if killed:
        let_lease_expire(row_id)
        submit(row_id)
    assert job(row_id).state is P
    assert {m.state for m in members_of(row_id)} == {P}
    submitted = Counter({name: size for _, name, size in arrays.arrays()})
    assert len(submitted) == len(arrays.arrays())
    used = Counter(m.name.partition("[")[0] for m in members_of(row_id))
    assert used == submitted, "each array was submitted once, and every member has a place in one"


def test_the_end_of_the_last_member_ends_the_job_and_each_look_is_one_call(arrays: Arrays) -> None:
    row_id = new_sweep(*strides(4))
    submit(row_id)
    arrays.reports = report(row_id, 0, {1: R}) | {f"{row_id}.1.0": JobReport(f"{row_id}.1.0", "1", P)}
    look(arrays)
    assert states(row_id) == [R, P, P, P]
    assert (job(row_id).state, job(row_id).reason) == (R, "0 of 4 members have ended and 1 run")
    arrays.reports = report(row_id, 0, {1: F, 2: S, 3: S, 4: R})
    look(arrays)
    row = job(row_id)
    assert (row.finding, row.members_left) == (None, 1)
    arrays.reports = report(row_id, 0, {4: S})
    look(arrays)
    row = job(row_id)
    assert row.finding is not None
    assert (row.state, row.members_left) == (R, 0)
    assert states(row_id) == [F, S, S, S]
    assert arrays.calls["jobs"] == 3


def test_forgotten_members_are_one_recall_and_those_that_never_started_are_submitted_again(
    arrays: Arrays,
) -> None:
    row_id = new_sweep(*strides(4))
    submit(row_id)
    names = [m.name for m in members_of(row_id)]
    arrays.recalled = {name: JobReport(name, "1", S, exit_code=0) for name in names[:2]} | {
        names[2]: None,
        names[3]: None,
    }
    look(arrays)
    assert arrays.calls["recall"] == 1
    assert states(row_id) == [S, S, JobState.RETRYING, JobState.RETRYING]
    assert job(row_id).state is JobState.RETRYING
    submit(row_id)
    assert [(name, size) for _, name, size in arrays.arrays()] == [
        (f"{row_id}.1.0", 4),
        (f"{row_id}.1.1", 2),
    ]
    assert states(row_id) == [S, S, P, P]
    first = control_of(Path(job(row_id).control_root).parent, job(row_id)) / "0"
    assert (first / "3/started.json").exists(), "the lost array cannot start late"


def test_an_attempt_whose_members_are_all_lost_again_and_again_ends(
    arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = new_sweep(*strides(2))
    for _ in range(20):
        submit(row_id)
        arrays.recalled = {m.name: None for m in members_of(row_id)}
        look(arrays)
        if job(row_id).ended_at:
            break
        assert job(row_id).state is JobState.RETRYING
        let_retry_come(row_id)
    row = job(row_id)
    assert row.state is F
    assert "given up" in row.reason
    assert set(states(row_id)) == {F}


@pytest.mark.parametrize("end", [JobState.CANCELLED, P])
def test_an_ended_member_that_only_its_array_s_report_is_left_of_keeps_its_end(
    arrays: Arrays, end: JobState
) -> None:
    """The scheduler has forgotten its end, and the others of its array wait or were cancelled meanwhile."""
    row_id = new_sweep(*strides(3))
    submit(row_id)
    (number, name, _), ran = arrays.arrays()[0], members_of(row_id)[0]
    arrays.reports = report(row_id, 0, {1: R}) | {name: JobReport(name, "1", P)}
    look(arrays)
    folder = control_of(Path(job(row_id).control_root).parent, job(row_id)) / "0" / str(ran.place)
    start = {"pid": 9, "ticks": 1, "boot_id": "", "host": "n1", "scheduler_id": "1_1"}
    (folder / "started.json").write_text(json.dumps(start | {"started_at": "2026-11-30T10:00:00Z"}))
    arrays.reports = {name: JobReport(name, number, end, reason="told of the array")}
    arrays.recalled = {ran.name: JobReport(ran.name, "1_1", S, exit_code=0)}
    look(arrays)
    assert states(row_id) == [S, end, end]
    assert arrays.calls["recall"] == 1
    assert (job(row_id).finding is None) == (end is P)
