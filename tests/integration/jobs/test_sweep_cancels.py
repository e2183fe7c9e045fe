"""Cancels of sweeps: one call for an array, and members that wait are not submitted."""

import pytest

from gateway.db import session_scope
from gateway.errors import Cancelled
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, JobMember
from gateway.schedulers.base import JobReport
from gateway.states import JobState
from tests.integration.jobs.sweep_queue import Arrays, P, look, states, strides, submit
from tests.rows import job, members_of, new_sweep
from workers import sweep_submission

pytestmark = pytest.mark.usefixtures("database", "home")


def test_a_cancel_is_one_call_for_an_array_and_waiting_members_are_not_submitted(arrays: Arrays) -> None:
    arrays.room = 4
    row_id = new_sweep(*strides(6))
    submit(row_id)
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    arrays.reports = {name: JobReport(name, number, P) for number, name, _ in arrays.arrays()}
    look(arrays)
    asked = [call for call in arrays.calls if call.startswith("cancel")]
    assert len(asked) == len(arrays.arrays())
    cancelled = JobState.CANCELLED
    arrays.reports = {m.name: JobReport(m.name, "1", cancelled) for m in members_of(row_id) if m.name}
    look(arrays)
    assert job(row_id).finding is not None


def test_a_cancel_between_two_submissions_waits_for_the_members_that_may_be_in_the_scheduler(
    arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died after the array was submitted: the next claim adopts it, and the watcher cancels it."""
    row_id = new_sweep(*strides(2))
    monkeypatch.setattr(sweep_submission.SweepSubmission, "_record_array", _die)
    with pytest.raises(KeyboardInterrupt):
        submit(row_id)
    monkeypatch.undo()
    monkeypatch.setattr(sweep_submission, "open_scheduler", lambda _: arrays)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state, row.lease_until = JobState.RETRYING, None
        session.flush()
        jobs.cancel(session, row)
        assert row.state is JobState.RETRYING
    assert submit(row_id).state is P
    assert states(row_id) == [P, P]
    assert len(arrays.arrays()) == 1


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_cancel_before_anything_is_in_the_scheduler_ends_the_members(arrays: Arrays) -> None:
    row_id = new_sweep(*strides(2))
    with session_scope() as session:
        for member in (session.get_one(JobMember, (row_id, k)) for k in range(2)):
            member.state, member.name, member.place = JobState.SUBMITTING, f"{row_id}.1.0[1]", 1
        row = session.get_one(Job, row_id)
        jobs.cancel(session, row)
        assert row.state is JobState.ACCEPTED
    with pytest.raises(Cancelled):
        submit(row_id)
    assert job(row_id).state is JobState.CANCELLED
    assert set(states(row_id)) == {JobState.CANCELLED}
    assert arrays.arrays() == []
