"""Jobs that Slurm does not list: how each question ends, with and without an accounting."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import SchedulerUnavailable
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.slurm import forgotten
from gateway.schedulers.slurm.forgotten import ACCOUNTING_S, ORPHAN_S, ForgottenJobs
from gateway.schedulers.slurm.reports import translate_jobs
from gateway.schedulers.slurm.states import ENDED_BY_SLURM
from gateway.states import JobState
from tests.unit.schedulers.slurm_records import NAME, NOW, USER, record, submitted, write_exit, write_start

MIN_JOB_AGE_S = 300


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Accounting:
    """An accounting that tells of one record of the job, or does not answer; a call takes `takes_s`."""

    def __init__(
        self, clock: Clock, state: str = "", *, answers: bool = True, takes_s: float = 0, **details: int
    ) -> None:
        self._clock, self._state, self._details, self.answers, self._takes_s = (
            clock,
            state,
            details,
            answers,
            takes_s,
        )
        self.asked: list[list[str]] = []

    def __call__(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport]:
        self.asked.append([job.scheduler_id for job in jobs])
        self._clock.now += self._takes_s
        if not self.answers:
            raise SchedulerUnavailable("slurmdbd is away")
        if not self._state:
            return {}
        return translate_jobs([record(self._state, folder=jobs[0].folder, **self._details)], USER, NOW)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(forgotten, "time", made)
    return made


def jobs_of(accounting: Accounting, min_job_age_s: int = MIN_JOB_AGE_S) -> ForgottenJobs:
    return ForgottenJobs(accounting, lambda: min_job_age_s)


@pytest.mark.parametrize("stale", ["", "PENDING", "RUNNING", "COMPLETING"])
def test_a_job_without_a_start_may_be_submitted_again_whatever_the_accounting_believes(
    clock: Clock, tmp_path: Path, stale: str
) -> None:
    accounting = Accounting(clock, stale)
    assert jobs_of(accounting).judge([submitted(tmp_path)]) == {NAME: None}
    assert jobs_of(accounting).find(submitted(tmp_path)) is None
    assert accounting.asked == [["7"], ["7"]]


def test_a_job_that_a_person_deleted_from_the_queue_is_cancelled(clock: Clock, tmp_path: Path) -> None:
    [report] = jobs_of(Accounting(clock, "CANCELLED")).judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is JobState.CANCELLED


def test_a_job_that_its_node_refused_is_not_cancelled(clock: Clock, tmp_path: Path) -> None:
    assert jobs_of(Accounting(clock, "CANCELLED", ran_s=0)).judge([submitted(tmp_path)]) == {NAME: None}


def test_a_node_failure_of_yesterday_is_no_loss(clock: Clock, tmp_path: Path) -> None:
    write_start(tmp_path)
    [report] = jobs_of(Accounting(clock, "NODE_FAIL", ran_s=60)).judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is JobState.NODE_FAILURE


@pytest.mark.parametrize("stale", ["", "RUNNING"])
def test_a_run_that_left_no_end_is_lost_after_the_time_that_an_orphan_has(
    clock: Clock, tmp_path: Path, stale: str
) -> None:
    write_start(tmp_path)
    jobs = jobs_of(Accounting(clock, stale))
    assert jobs.judge([submitted(tmp_path)]) == {}
    clock.now += ORPHAN_S
    [report] = jobs.judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is JobState.LOST


def test_a_run_that_slurm_lost_and_that_ends_well_has_succeeded(clock: Clock, tmp_path: Path) -> None:
    write_start(tmp_path)
    accounting = Accounting(clock, "RUNNING")
    jobs = jobs_of(accounting)
    assert jobs.judge([submitted(tmp_path)]) == {}
    write_exit(tmp_path)
    [report] = jobs.judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is JobState.SUCCEEDED
    assert len(accounting.asked) == 1


def test_an_absence_is_counted_anew_after_slurm_has_listed_the_job(clock: Clock, tmp_path: Path) -> None:
    write_start(tmp_path)
    jobs = jobs_of(Accounting(clock))
    jobs.judge([submitted(tmp_path)])
    jobs.note_listed([NAME])
    clock.now += ORPHAN_S
    assert jobs.judge([submitted(tmp_path)]) == {}


@pytest.mark.parametrize("answers", [True, False])
def test_a_question_about_other_jobs_does_not_begin_the_wait_anew(
    clock: Clock, tmp_path: Path, *, answers: bool
) -> None:
    """A look asks about jobs and about members of sweeps apart, often about none of one kind."""
    write_start(tmp_path)
    jobs = jobs_of(Accounting(clock, answers=answers))
    waits_s = ORPHAN_S if answers else ACCOUNTING_S
    for _ in range(4):
        assert jobs.judge([]) == {}
        assert jobs.judge([submitted(tmp_path)]) == {}
        clock.now += waits_s / 4
    assert jobs.judge([]) == {}
    [report] = jobs.judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is JobState.LOST


@pytest.mark.parametrize(
    ("accounting", "ago_s", "min_job_age_s", "state"),
    [
        ("", 5, MIN_JOB_AGE_S, JobState.LOST),
        ("RUNNING", 5, MIN_JOB_AGE_S, JobState.LOST),
        ("", MIN_JOB_AGE_S + 5, 0, JobState.LOST),  # a slurmctld that forgets no job
        ("", MIN_JOB_AGE_S + 5, MIN_JOB_AGE_S, JobState.CANCELLED),
        ("CANCELLED", 5, MIN_JOB_AGE_S, JobState.CANCELLED),
    ],
)
def test_a_run_that_slurm_lost_and_ended_is_not_cancelled(  # noqa: PLR0917
    clock: Clock, tmp_path: Path, accounting: str, ago_s: int, min_job_age_s: int, state: JobState
) -> None:
    write_start(tmp_path)
    write_exit(tmp_path, 143, 15, ended_at=datetime.now(UTC) - timedelta(seconds=ago_s))
    asked = Accounting(clock, accounting, ran_s=10**9)
    [report] = jobs_of(asked, min_job_age_s).judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is state
    assert (report.reason == ENDED_BY_SLURM) == (state is JobState.LOST)


@pytest.mark.parametrize(
    ("exit_code", "state"), [(137, JobState.LOST), (143, JobState.LOST), (3, JobState.FAILED)]
)
def test_a_rank_that_slurm_killed_is_no_failure_of_the_kernels(
    clock: Clock, tmp_path: Path, exit_code: int, state: JobState
) -> None:
    write_start(tmp_path)
    write_exit(tmp_path, exit_code, ended_at=datetime.now(UTC))
    [report] = jobs_of(Accounting(clock, "RUNNING")).judge([submitted(tmp_path)]).values()
    assert report is not None
    assert report.state is state


def test_all_doubtful_jobs_are_one_question_and_the_others_are_none(clock: Clock, tmp_path: Path) -> None:
    accounting, folders = Accounting(clock), [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    write_start(folders[0])
    write_exit(folders[0], 3)
    write_start(folders[1], "99")
    jobs = [submitted(folder, str(number), f"{number}.1") for number, folder in enumerate(folders)]
    judged = jobs_of(accounting).judge(jobs)
    assert accounting.asked == [["99", "2", "3"]]
    assert judged.keys() == {"0.1", "2.1", "3.1"}
    assert judged["2.1"] is judged["3.1"] is None


def test_jobs_wait_for_an_accounting_that_is_away_but_not_for_ever(clock: Clock, tmp_path: Path) -> None:
    accounting = Accounting(clock, answers=False)
    jobs = jobs_of(accounting)
    assert jobs.judge([submitted(tmp_path)]) == {}
    clock.now += ACCOUNTING_S - 1
    assert jobs.judge([submitted(tmp_path)]) == {}
    clock.now += 1
    assert jobs.judge([submitted(tmp_path)]) == {NAME: None}


def test_an_accounting_that_hangs_is_asked_seldom(clock: Clock, tmp_path: Path) -> None:
    accounting = Accounting(clock, answers=False, takes_s=90)
    jobs = jobs_of(accounting)
    for _ in range(100):
        jobs.judge([submitted(tmp_path)])
        clock.now += 8
    assert len(accounting.asked) == 1
    accounting.answers = True
    clock.now += 900
    assert jobs.judge([submitted(tmp_path)]) == {NAME: None}


def test_a_job_is_found_without_an_accounting_that_is_away(clock: Clock, tmp_path: Path) -> None:
    jobs = jobs_of(Accounting(clock, answers=False))
    assert jobs.find(submitted(tmp_path)) is None
    write_start(tmp_path)
    found = jobs.find(submitted(tmp_path, ""))
    assert found is not None
    assert found.scheduler_id == "7"
