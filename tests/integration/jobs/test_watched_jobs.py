"""The watched jobs in memory, their looks in batches, and when the scheduler was last heard of a job."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, select, text, update
from sqlalchemy.orm import Session

from gateway.clusters import heartbeats
from gateway.db import get_engine, session_scope
from gateway.errors import ClaimLost
from gateway.jobs import lifecycle as jobs
from gateway.jobs import watch
from gateway.jobs.watched_rows import OVERLAP, WatchedJobs
from gateway.models import Job
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.states import JobState
from tests.ended_rows import submit_job
from tests.rows import job, new_job, sending

pytestmark = pytest.mark.usefixtures("database")


class Told:
    """A scheduler that says the same of all jobs, and nothing of the silent ones."""

    def __init__(
        self, state: JobState = JobState.PENDING, reason: str = "", silent: Sequence[UUID] = ()
    ) -> None:
        self.state, self.reason, self.silent = state, reason, silent
        with session_scope(read_only=True) as session:
            self.known = {row.name: row for row in session.scalars(select(Job))}

    def jobs(self) -> dict[str, JobReport]:
        return {
            name: JobReport(name, "17", self.state, reason=self.reason)
            for name, row in self.known.items()
            if row.id not in self.silent
        }

    def largest_array(self) -> int:
        return 1

    def recall(self, _: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        return {}


def _submitted() -> UUID:
    row_id = new_job("fft")
    submit_job(row_id)
    return row_id


def _refresh(watched: WatchedJobs) -> bool:
    with session_scope(read_only=True) as session:
        return watched.refresh(session)


def _watched() -> WatchedJobs:
    watched = WatchedJobs("hpc")
    _refresh(watched)
    return watched


def _look(watched: WatchedJobs, told: Told, **more: Any) -> bool:
    scheduler: Any = told
    return watch.look(scheduler, watched, **more)


def _ids(watched: WatchedJobs) -> set[UUID]:
    return {each.id for each in watched.by_name.values()}


@contextmanager
def _statements(kind: str) -> Iterator[list[str]]:
    """Collect the statements of a kind."""
    found: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().upper().startswith(kind):
            found.append(statement)

    event.listen(get_engine(), "before_cursor_execute", note)
    yield found
    event.remove(get_engine(), "before_cursor_execute", note)


def test_a_submission_and_a_cancel_are_found_without_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    first, watched = _submitted(), _watched()
    monkeypatch.setattr(watched, "forget", lambda: pytest.fail("it needs no reload"))
    assert not _refresh(watched)
    second = _submitted()
    assert _refresh(watched)
    assert _ids(watched) == {first, second}
    assert not _refresh(watched)
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, first))
    assert _refresh(watched)
    assert [each.cancel_requested for each in watched.by_name.values()] == [True, False]
    assert not _refresh(watched)


def test_a_submission_that_was_committed_late_is_found() -> None:
    _submitted()
    watched = _watched()
    for late in (OVERLAP / 2, 2 * OVERLAP):
        row_id = _submitted()
        with session_scope() as session:
            session.execute(update(Job).where(Job.id == row_id).values(submitted_at=datetime.now(UTC) - late))
        assert _refresh(watched) is (late < OVERLAP)
        watched.forget()
        _refresh(watched)
        assert row_id in _ids(watched)


def test_a_job_that_waits_for_its_cancel_when_it_is_submitted_is_watched() -> None:
    watched, row_id = _watched(), _submitted()
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    assert _refresh(watched)
    assert [each.cancel_requested for each in watched.by_name.values()] == [True]


def test_a_look_without_a_change_writes_its_time_and_no_row() -> None:
    rows = [_submitted() for _ in range(3)]
    watched, told = _watched(), Told()
    _look(watched, told)
    before = [job(each).updated_at for each in rows]
    with _statements("UPDATE") as updates, _statements("SELECT") as selects:
        assert not _look(watched, told)
    assert ["heartbeats" in each for each in updates] == [True]
    assert selects == []
    assert [job(each).updated_at for each in rows] == before


def test_many_changes_are_written_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ROWS_AT_ONCE", 2)
    rows = [_submitted() for _ in range(5)]
    watched = _watched()
    assert _look(watched, Told(reason="Slurm says so"))
    assert {job(each).reason for each in rows} == {"Slurm says so"}
    assert _look(watched, Told(JobState.RUNNING))
    assert {(job(each).state, job(each).reason) for each in rows} == {(JobState.RUNNING, "")}
    with sending() as sent:
        assert _look(watched, Told(JobState.SUCCEEDED))
    assert {(job(each).finding or {})["state"] for each in rows} == {"succeeded"}
    assert [(message.task, message.others) for message in sent] == [("jobs.finish", ())]
    waiting = [each for each in rows if job(each).turn_at is not None]
    assert len(waiting) == len(rows) - 1
    assert watched.by_name == {}
    assert not _refresh(watched)


def test_a_watcher_that_loses_its_lease_writes_no_further_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ROWS_AT_ONCE", 2)
    rows = [_submitted() for _ in range(4)]
    opened: list[bool] = []

    @contextmanager
    def once() -> Iterator[Session]:
        if opened:
            raise ClaimLost("another watcher")
        opened.append(True)
        with session_scope() as session:
            yield session

    watched = _watched()
    with pytest.raises(ClaimLost):
        _look(watched, Told(JobState.RUNNING), transaction=once)
    states = [job(each).state for each in rows]
    assert states.count(JobState.RUNNING) == 2
    assert _look(watched, Told(JobState.RUNNING))
    assert {job(each).state for each in rows} == {JobState.RUNNING}


def test_a_row_that_has_left_is_dropped_and_not_written() -> None:
    row_id, watched = _submitted(), _watched()
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(state=JobState.CANCELLED))
    assert _look(watched, Told(JobState.RUNNING))
    assert job(row_id).state is JobState.CANCELLED
    watched.forget()
    _refresh(watched)
    assert watched.by_name == {}


def _heartbeat() -> None:
    with session_scope() as session:
        heartbeats.record_heartbeat(session, "hpc", "w", "", "")


def _watched_at(api: TestClient, row_id: UUID) -> str | None:
    shown = api.get(f"/job/{row_id}").json()
    assert shown["watched_at"] == next(
        each["watched_at"] for each in api.get("/job").json()["items"] if each["id"] == str(row_id)
    )
    at: str | None = shown["watched_at"]
    return at


def test_a_job_shows_when_the_scheduler_was_last_heard_of_it(api: TestClient) -> None:
    _heartbeat()
    row_id = new_job("fft")
    assert _watched_at(api, row_id) is None
    submit_job(row_id)
    submitted = _watched_at(api, row_id)
    assert submitted == api.get(f"/job/{row_id}").json()["submitted_at"]
    watched = _watched()
    _look(watched, Told())
    first = _watched_at(api, row_id)
    _look(watched, Told())
    second = _watched_at(api, row_id)
    assert submitted is not None
    assert first is not None
    assert second is not None
    assert submitted < first < second
    _look(watched, Told(JobState.FAILED))
    end = _watched_at(api, row_id)
    other = _submitted()
    _refresh(watched)
    _look(watched, Told())
    assert (_watched_at(api, row_id), end is not None and end > second) == (end, True)
    newer = _watched_at(api, other)
    assert newer is not None
    assert newer > (end or "")


def test_a_job_on_which_the_scheduler_is_silent_keeps_its_time_until_it_is_heard_of(api: TestClient) -> None:
    _heartbeat()
    silent, other = _submitted(), _submitted()
    watched = _watched()
    _look(watched, Told())
    before = _watched_at(api, silent)
    for _ in range(2):
        _look(watched, Told(silent=[silent]))
        assert _watched_at(api, silent) == before
    assert (_watched_at(api, other) or "") > (before or "")
    watched = _watched()  # as another watcher reads it
    _look(watched, Told(silent=[silent]))
    assert _watched_at(api, silent) == before
    _look(watched, Told())
    assert _watched_at(api, silent) == _watched_at(api, other)


def test_a_cluster_away_shows_in_the_time_of_its_jobs(api: TestClient) -> None:
    _heartbeat()
    row_id, watched = _submitted(), _watched()
    _look(watched, Told())
    before = _watched_at(api, row_id)

    class Away(Told):
        def jobs(self) -> dict[str, JobReport]:
            raise ClaimLost("Slurm does not answer")

    with pytest.raises(ClaimLost):
        _look(watched, Away())
    assert _watched_at(api, row_id) == before


@pytest.mark.parametrize("cancelled", [True, False])
def test_the_questions_of_each_round_are_served_by_their_index(database: Engine, *, cancelled: bool) -> None:
    is_cancelled = Job.cancel_requested_at.is_not(None)
    recent = Job.submitted_at > datetime.now(UTC) - timedelta(seconds=1)
    chosen = [is_cancelled] if cancelled else [~is_cancelled, recent]
    statement = select(Job.id, Job.run).where(Job.infrastructure == "hpc", Job.is_watched(), *chosen)
    literal = statement.compile(database, compile_kwargs={"literal_binds": True})
    with database.begin() as connection:
        if database.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        word = "EXPLAIN QUERY PLAN" if database.dialect.name == "sqlite" else "EXPLAIN"
        plan = "\n".join(map(str, connection.exec_driver_sql(f"{word} {literal}")))
    assert "ix_jobs_watched" in plan, f"{literal}: {plan}"
