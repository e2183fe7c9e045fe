"""The submission of a sweep: arrays within the scheduler's limits, each once, also after a kill anywhere."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import due_in, get_engine, session_scope
from gateway.errors import ArrayTooLarge, Cancelled, SchedulerError, SchedulerUnavailable
from gateway.jobs import lifecycle as jobs
from gateway.jobs import member_submissions, watch
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job, JobMember
from gateway.schedulers.arrays import member_name
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.states import JobState
from tests.killed_at_line import kill_at_line
from tests.rows import job, members_of, new_sweep
from tests.running_jobs import control_of
from workers import sweep_submission
from workers.job_submission import submit_jobs

pytestmark = pytest.mark.usefixtures("database", "home")
TRACED = {module.__file__ for module in (sweep_submission, member_submissions)}
P, R, S, F = JobState.PENDING, JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED


class Arrays:
    """A scheduler whose queue is a folder, so that it outlives a process that is killed."""

    def __init__(self, folder: Path, largest: int = 1000) -> None:
        self._folder, self.largest = folder, largest
        self.room, self.error = 10**6, SchedulerError("no")
        self.reports: dict[str, JobReport] = {}
        self.recalled: dict[str, JobReport | None] = {}
        self.calls = Counter[str]()
        folder.mkdir(exist_ok=True)

    def largest_array(self) -> int:
        return self.largest

    def submit(self, spec: JobSpec) -> str:
        self.calls["submit"] += 1
        if spec.array_size > self.room:
            raise ArrayTooLarge("a limit") if spec.is_array else self.error
        self.room -= spec.array_size
        number = len(self.arrays()) + 1
        folders = [spec.folder / str(k) for k in range(1, spec.array_size + 1)]
        assert all((each / "job.json").is_file() for each in (folders if spec.is_array else [spec.folder]))
        (self._folder / f"{number:03d} {spec.name} {spec.array_size}").touch()
        return str(number)

    def find(self, asked: SubmittedJob) -> JobReport | None:
        found = [number for number, name, _ in self.arrays() if name == asked.name]
        return JobReport(asked.name, str(int(found[0])), P) if found else None

    def arrays(self) -> list[tuple[str, str, int]]:
        """Return number, name and size of every submission."""
        words = sorted(path.name.split() for path in self._folder.iterdir())
        return [(number, name, int(size)) for number, name, size in words]

    def jobs(self) -> dict[str, JobReport]:
        self.calls["jobs"] += 1
        return self.reports

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        self.calls["recall"] += bool(jobs)
        return {each.name: self.recalled[each.name] for each in jobs if each.name in self.recalled}

    def cancel(self, name: str, scheduler_id: str) -> None:
        self.calls[f"cancel {name} {scheduler_id}"] += 1


@pytest.fixture
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arrays:
    made = Arrays(tmp_path / "queue")
    monkeypatch.setattr(sweep_submission, "open_scheduler", lambda _: made)
    return made


def strides(number: int) -> list[dict[str, object]]:
    return [{"perforation_stride": k} for k in range(1, number + 1)]


def submit(row_id: UUID) -> Job:
    submit_jobs("w1", [str(row_id)])
    return job(row_id)


def _submit_in_child(row_id: UUID) -> None:
    get_engine.cache_clear()  # a connection belongs to one process
    submit(row_id)


def let_lease_expire(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(lease_until=due_in(-1)))


def let_retry_come(row_id: UUID) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(retry_at=None))


def look(arrays: Arrays) -> None:
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    watch.look(arrays, watched)  # type: ignore[arg-type]  # it has what a look calls


def report(row_id: UUID, array: int, states: dict[int, JobState], run: int = 1) -> dict[str, JobReport]:
    names = {k: member_name(f"{row_id}.{run}.{array}", k) for k in states}
    return {name: JobReport(name, f"1_{k}", states[k], exit_code=0) for k, name in names.items()}


def states(row_id: UUID) -> list[JobState]:
    return [member.state for member in members_of(row_id)]


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
    get_engine().dispose()
    killed = kill_at_line(line, TRACED, lambda: _submit_in_child(row_id))
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
