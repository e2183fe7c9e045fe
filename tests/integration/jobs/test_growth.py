"""A job that ends by memory or time grows: a new run of the same attempt, exactly once, whatever happens."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.clusters.configuration import clusters
from gateway.db import due_in, get_engine, session_scope
from gateway.errors import ClaimLost, Fault
from gateway.jobs import growth as job_growth
from gateway.jobs import lifecycle as jobs
from gateway.jobs.lack_of_memory import LACK_OF_MEMORY
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job
from gateway.operations.retries import retry
from gateway.schedulers.base import JobReport, RunLimits
from gateway.settings import get_settings
from gateway.states import JOB_STATUS, JobState
from gateway.work import claims, failures, transitions, turns
from gateway.work.outbox import Message
from tests import running_jobs
from tests.ended_rows import submit_job
from tests.killed_at_line import kill_at_line
from tests.rows import create, job, sending
from workers.tasks import jobs as tasks

pytestmark = pytest.mark.usefixtures("database")
TRACED = {module.__file__ for module in (job_growth, jobs, tasks, claims, failures, transitions, turns)}
FINDING = {"exit_code": None, "reason": "the job ran into its time limit"}


def _new(**resources: Any) -> UUID:
    asked = ResourceRequest(**{"time_limit_s": 60, "grow": True, **resources})
    request = jobs.JobRequest(
        ["fft"], "hpc", {"read_input_data": "/x.csv", "num_mpi_procs": 2}, resources=asked
    )
    with session_scope() as session:
        return create(session, jobs.draft(session, "local", request))


def _set(row_id: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(**values))


def _ended(state: JobState = JobState.TIMEOUT, row_id: UUID | None = None, **resources: Any) -> UUID:
    """Return a job whose run the scheduler has ended, before the end is final."""
    row_id = row_id or _new(**resources)
    submit_job(row_id)
    _set(row_id, finding={"state": str(state), **FINDING}, state=JobState.RUNNING)
    return row_id


def _finish(row_id: UUID) -> Job:
    tasks.finish.apply(args=[str(row_id)])
    return job(row_id)


def _told(row_id: UUID) -> list[tuple[str, str, int, str]]:
    with session_scope(read_only=True) as session:
        events = transitions.events(session, session.get_one(Job, row_id))
    return [(each.from_state, each.to_state, each.attempt, each.reason) for each in events]


def _growths(row_id: UUID) -> list[str]:
    return [reason for _, state, _, reason in _told(row_id) if state == "retrying"]


def _configure(text: str) -> None:
    path = get_settings().infrastructures
    path.write_text(path.read_text().replace("max_cpus = 4\n", f"max_cpus = 4\n{text}\n", 1))
    clusters.cache_clear()


def test_a_run_without_time_is_followed_by_one_with_twice_of_it() -> None:
    row_id = _ended()
    with sending() as sent:
        row = _finish(row_id)
    assert (row.state, JOB_STATUS[row.state], row.success) == (JobState.RETRYING, "queued", None)
    assert (row.attempt, row.run, row.growths, row.resources["time_limit_s"]) == (1, 2, 1, 120)
    assert (row.scheduler_id, row.finding, row.exit_code, row.submitted_at, row.started_at) == (
        "",
        *4 * (None,),
    )
    assert (row.lease_until, row.retry_at, row.ended_at, row.fault) == (None, None, None, Fault.LIMIT)
    assert sent == [Message("jobs.submit", row_id, "hpc.short")]
    words = "run again with resources.time_limit_s 120 in place of 60: the job ran into its time limit"
    assert _told(row_id)[-1] == ("running", "retrying", 1, words)
    assert row.reason == words


def test_memory_grows_by_the_figure_of_the_whole_job() -> None:
    row = _finish(_ended(JobState.OUT_OF_MEMORY, memory_bytes=2000))
    assert (row.state, row.resources["memory_per_cpu_bytes"]) == (JobState.RETRYING, 2000)
    assert row.resources["time_limit_s"] == 60
    assert "resources.memory_bytes 4000 in place of 2000" in row.reason


def test_the_third_end_is_final_and_one_attempt_had_three_runs() -> None:
    row_id = _ended()
    for _ in range(2):
        assert _finish(row_id).state is JobState.RETRYING
        _ended(row_id=row_id)
    row = _finish(row_id)
    assert (row.state, row.attempt, row.run, row.success) == (JobState.TIMEOUT, 1, 3, False)
    assert row.resources["time_limit_s"] == 240
    assert row.reason.startswith(
        "the job ran into its time limit; not run again: this attempt has grown 2 times"
    )
    assert len(_growths(row_id)) == 2


def test_a_retry_by_hand_is_a_new_attempt_that_may_grow_again() -> None:
    row_id = _ended()
    for _ in range(2):
        _finish(row_id)
        _ended(row_id=row_id)
    _finish(row_id)
    with session_scope() as session:
        retry(session, session.get_one(Job, row_id), actor="ada")
    row = job(row_id)
    assert (row.attempt, row.run, row.growths, row.resources["time_limit_s"]) == (2, 4, 0, 240)
    row = _finish(_ended(row_id=row_id))
    assert (row.state, row.attempt, row.run, row.resources["time_limit_s"]) == (JobState.RETRYING, 2, 5, 480)


def test_a_ceiling_without_room_makes_the_end_final() -> None:
    _configure("[hpc.ceilings]\ntime_limit_s = 60")
    row = _finish(_ended())
    assert (row.state, row.run) == (JobState.TIMEOUT, 1)
    assert row.reason.endswith(
        "not run again: resources.time_limit_s 60 leaves no room below ceilings.time_limit_s"
    )


def test_memory_that_nobody_has_told_cannot_grow() -> None:
    row = _finish(_ended(JobState.OUT_OF_MEMORY))
    assert row.state is JobState.OUT_OF_MEMORY
    assert "not run again: neither its request nor the scheduler tells its limit" in row.reason


@pytest.mark.parametrize(
    ("configured", "resources", "state"),
    [
        ("", {"grow": None}, JobState.TIMEOUT),
        ("grow_on_retry = true", {"grow": None}, JobState.RETRYING),
        ("grow_on_retry = true", {"grow": False}, JobState.TIMEOUT),
    ],
)
def test_the_cluster_decides_where_the_request_does_not(
    configured: str, resources: dict[str, Any], state: JobState
) -> None:
    _configure(configured)
    row = _finish(_ended(**resources))
    assert row.state is state
    if state is JobState.TIMEOUT:
        assert row.reason == "the job ran into its time limit"


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.NODE_FAILURE, JobState.CANCELLED, JobState.LOST])
def test_no_other_end_runs_again(state: JobState) -> None:
    assert _finish(_ended(state)).state is state


def test_a_cancel_before_the_decision_wins() -> None:
    row_id = _ended()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id), "ada")
    row = _finish(row_id)
    assert (row.state, row.run) == (JobState.TIMEOUT, 1)
    assert "not run again: its cancellation was requested meanwhile" in row.reason


def test_a_cancel_after_the_decision_wins_as_well() -> None:
    row_id = _ended()
    _finish(row_id)
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id), "ada")
    tasks.submit.apply(args=[str(row_id)], throw=True)
    assert job(row_id).state is JobState.CANCELLED


def test_the_same_message_twice_grows_once() -> None:
    row_id = _ended()
    _finish(row_id)
    once = job(row_id)
    assert _finish(row_id).updated_at == once.updated_at
    assert _growths(row_id) == [once.reason]


def test_a_worker_that_lost_its_claim_grows_nothing() -> None:
    row_id = _ended()
    with session_scope() as session:
        stale = claims.take_ending(session, row_id, "slow")
    assert stale is not None
    _set(row_id, lease_until=due_in(-1))
    row = _finish(row_id)
    assert (row.state, row.growths) == (JobState.RETRYING, 1)
    with pytest.raises(ClaimLost), session_scope() as session:
        jobs.run_again(session, stale, row.resources, "late")
    assert job(row_id).growths == 1


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)], ids="every-{}".format)
def test_a_worker_killed_at_any_line_leaves_one_growth(step: int) -> None:
    """The message comes again, twice, after each kill: the decision and its event are one transaction."""
    line, died = 0, True
    while died:
        row_id = _ended()
        get_engine().dispose()  # a connection belongs to one process
        died = kill_at_line(line, TRACED, partial(tasks.finish.apply, args=[str(row_id)]))
        if job(row_id).lease_until is not None:
            _set(row_id, lease_until=due_in(-1))
        for _ in range(2):
            _finish(row_id)
        row = job(row_id)
        assert (row.state, row.run, row.growths, row.attempt) == (JobState.RETRYING, 2, 1, 1), line
        assert row.resources["time_limit_s"] == 120, line
        assert len(_growths(row_id)) == 1, line
        assert row.next_send_at is not None or row.turn_at is not None, "the sweep sends it again"
        line += step
    assert line > 50


def test_a_rank_without_memory_runs_again_in_folders_of_its_own(home: Path, tmp_path: Path) -> None:
    kernel, marker = tmp_path / "kernel", home / running_jobs.DATA / "fail"
    kernel.write_text(running_jobs.KERNEL.replace("exit 1", f"exit {LACK_OF_MEMORY}"))
    marker.touch()
    row_id = _new(memory_bytes=2000)
    first = running_jobs.finish(running_jobs.submit(row_id).id)
    assert (first.state, first.run) == (JobState.RETRYING, 2), first.reason
    assert first.reason.startswith("run again with resources.memory_bytes 4000 in place of 2000: ")
    marker.unlink()
    row = running_jobs.finish(running_jobs.submit(row_id).id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert (row.run, row.attempt, row.usage and row.usage["memory_requested_bytes"]) == (2, 1, 4000)
    runs = sorted(folder.name for folder in running_jobs.control_of(home, row).parent.iterdir())
    assert runs == [f"{row_id}.1", f"{row_id}.2"]


def test_a_larger_run_that_the_scheduler_refuses_says_so(home: Path) -> None:
    row_id = _ended()
    _finish(row_id)
    _set(row_id, params=job(row_id).params | {"num_mpi_procs": 65})
    tasks.submit.apply(args=[str(row_id)])
    row = job(row_id)
    assert row.state is JobState.FAILED
    assert row.reason.startswith("the scheduler takes no run with larger resources: the job needs 65 CPUs")


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (RunLimits(), None),
        (RunLimits(time_limit_s=300), {"time_limit_s": 300, "memory_per_cpu_bytes": None}),
    ],
)
def test_the_limit_that_the_scheduler_set_by_itself_can_grow(limits: RunLimits, kept: object) -> None:
    row_id = _new(time_limit_s=None)
    submit_job(row_id)
    row = job(row_id)
    report = JobReport(row.name, "17", JobState.TIMEOUT, reason="time is over", limits=limits)
    running_jobs.report_on(report)
    assert (job(row_id).finding or {}).get("limits") == kept
    row = _finish(row_id)
    assert row.state is (JobState.TIMEOUT if kept is None else JobState.RETRYING)
    assert row.resources["time_limit_s"] == (None if kept is None else 600)
