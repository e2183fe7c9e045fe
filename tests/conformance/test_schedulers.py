"""One suite for every way to a scheduler: submissions, looks, ends, waits, cancels, losses and arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.errors import GatewayError, SchedulerError
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.arrays import member_folder, member_name
from gateway.schedulers.base import JobReport, JobSpec, Resources, SubmittedJob
from gateway.states import JobState, is_final
from tests.conformance.places import WAYS, Place, missing, opened
from tests.ordinary import open_folder, own
from tests.polling import until

WAIT_S = 120
AWKWARD = ["a b", "'", '"', "$(id)", "`id`", "\\", "a\nb", "ü漢", "*", "--", "|", "%s"]


@dataclass(frozen=True)
class Bench:
    """A place with a folder below which the control folders lie."""

    place: Place
    folder: Path

    def spec(
        self, text: str, *words: str, ranks: int = 1, size: int = 1, resources: Resources | None = None
    ) -> JobSpec:
        name = f"{uuid4()}.1"
        folder = self.folder / name
        folder.mkdir()
        self.place.own(folder)
        for index in range(1, size + 1 if size > 1 else 1):
            member_folder(folder, index).mkdir()
            self.place.own(member_folder(folder, index))
        command = ("/bin/bash", "-c", text, "x", *words)
        launcher = self.place.launcher
        made = JobSpec(name, folder, command, ranks, 1, launcher, {"A": "b c"}, resources or Resources())
        return replace(made, array_size=size)

    def state(self, job: JobSpec) -> JobState | None:
        found = self.place.scheduler.jobs().get(job.name) or self.recalled(job)
        return None if found is None else found.state

    def recalled(self, job: JobSpec, scheduler_id: str = "") -> JobReport | None:
        return self.place.scheduler.recall([submitted(job, scheduler_id)]).get(job.name)

    def end(self, job: JobSpec, scheduler_id: str) -> JobReport:
        """Return the final report, as the watcher comes to it: from a look, or recalled."""

        def look() -> JobReport | None:
            found = self.place.scheduler.jobs().get(job.name) or self.recalled(job, scheduler_id)
            return found if found is not None and found.state and is_final(found.state) else None

        return until(f"the end of {job.name}", look, WAIT_S, 0.2)

    def member_ends(self, members: list[SubmittedJob]) -> dict[str, JobReport] | None:
        """Return the final reports of all members, or None while one goes on."""
        listed = self.place.scheduler.jobs()
        recalled = self.place.scheduler.recall([one for one in members if one.name not in listed])
        found = {one.name: listed.get(one.name) or recalled.get(one.name) for one in members}
        ended = {name: one for name, one in found.items() if one and one.state and is_final(one.state)}
        return ended if len(ended) == len(members) else None

    def run(self, job: JobSpec) -> JobReport:
        return self.end(job, self.place.scheduler.submit(job))


def submitted(job: JobSpec, scheduler_id: str = "") -> SubmittedJob:
    return SubmittedJob(job.name, scheduler_id, job.folder, datetime.now(UTC), job.array_size)


def member(job: JobSpec, array: str, index: int) -> SubmittedJob:
    name, folder = member_name(job.name, index), member_folder(job.folder, index)
    return SubmittedJob(name, f"{array}_{index}", folder, datetime.now(UTC))


@pytest.fixture(scope="module", params=WAYS)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if reason := missing(request.param):
        pytest.skip(reason)
    with open_folder(request, "hpc-gateway-conformance-") as folder:
        jobs = folder / "jobs"
        jobs.mkdir()
        own(jobs)
        with opened(request.param, folder) as place:
            yield Bench(place, jobs)


def out(job: JobSpec) -> str:
    return (job.folder / batch_script.STDOUT).read_text()


def test_success_with_awkward_words(bench: Bench) -> None:
    job = bench.spec('printf "%s\\0" "$@" "$A"', *AWKWARD)
    end = bench.run(job)
    assert (end.state, end.exit_code, end.reason) == (JobState.SUCCEEDED, 0, "")
    assert out(job).split("\0") == [*AWKWARD, "b c", ""]
    assert end.started_at is not None
    assert end.ended_at is not None
    assert end.started_at <= end.ended_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [("exit 7", 7, "exit code 7"), ("kill -9 $$", 137, "SIGKILL"), ("kill -SEGV $$", 139, "SIGSEGV")],
    ids=["exit", "kill", "crash"],
)
def test_failure(bench: Bench, text: str, code: int, words: str) -> None:
    end = bench.run(bench.spec(text))
    assert (end.state, end.exit_code) == (JobState.FAILED, code)
    assert words in end.reason


def test_the_first_rank_that_fails_ends_the_others(bench: Bench) -> None:
    job = bench.spec('[ "$SLURM_PROCID" = 1 ] && exit 9; exec sleep 600', ranks=3)
    end = bench.run(job)
    assert (end.state, end.exit_code) == (JobState.FAILED, 9)


def test_every_rank_knows_its_number(bench: Bench) -> None:
    job = bench.spec('echo "$SLURM_PROCID/$SLURM_NTASKS"', ranks=4)
    assert bench.run(job).state is JobState.SUCCEEDED
    assert sorted(out(job).split()) == ["0/4", "1/4", "2/4", "3/4"]


def test_a_running_job_is_listed_found_and_cancelled(bench: Bench) -> None:
    scheduler = bench.place.scheduler
    job = bench.spec("exec sleep 600")
    number = scheduler.submit(job)
    until("it runs", lambda: bench.state(job) is JobState.RUNNING, WAIT_S)
    until("it has begun", lambda: attempt_record.read_start(job.folder), WAIT_S)
    found = scheduler.find(submitted(job))
    assert found is not None
    assert (found.name, found.scheduler_id, found.state) == (job.name, number, JobState.RUNNING)
    scheduler.cancel("another.1", number)
    assert bench.state(job) is JobState.RUNNING
    scheduler.cancel(job.name, number)
    assert bench.end(job, number).state is JobState.CANCELLED
    scheduler.cancel(job.name, number)


@pytest.mark.parametrize("scheduler_id", ["", "0", "999999", "x", "1; id", "-1", "999999.pbs1"])
def test_a_cancel_of_an_unknown_job_is_no_error(bench: Bench, scheduler_id: str) -> None:
    bench.place.scheduler.cancel("job.1", scheduler_id)


def test_a_waiting_job_has_a_reason_and_is_cancelled(bench: Bench) -> None:
    if not bench.place.waiting:
        pytest.skip("there is no partition that starts no jobs")
    job = bench.spec("touch ran", resources=Resources(partition=bench.place.waiting))
    number = bench.place.scheduler.submit(job)
    report = bench.place.scheduler.jobs()[job.name]
    assert (report.state, report.scheduler_id) == (JobState.PENDING, number)
    assert report.reason.startswith("waiting: its ")
    bench.place.scheduler.cancel(job.name, number)
    assert bench.end(job, number).state is JobState.CANCELLED
    assert attempt_record.read_start(job.folder) is None


def test_an_impossible_request_is_refused_in_words(bench: Bench) -> None:
    if not bench.place.is_cluster:
        pytest.skip("this machine has no partitions")
    job = bench.spec("true", resources=Resources(partition="nowhere"))
    with pytest.raises(
        SchedulerError, match=r"'nowhere': name another one with resources\.partition"
    ) as error:
        bench.place.scheduler.submit(job)
    assert not error.value.transient


def test_of_jobs_that_are_submitted_together_each_has_its_result(bench: Bench) -> None:
    good = [bench.spec(f"exit {code}") for code in (0, 3)]
    bad = replace(bench.spec("true"), command=("",))
    results = bench.place.scheduler.submit_many([good[0], bad, good[1]])
    assert isinstance(results[1], GatewayError)
    numbers = [str(results[0]), str(results[2])]
    assert len(set(numbers)) == 2
    ends = [bench.end(job, number) for job, number in zip(good, numbers, strict=True)]
    assert [(end.scheduler_id, end.exit_code) for end in ends] == [(numbers[0], 0), (numbers[1], 3)]


def test_a_name_that_is_submitted_twice_runs_once(bench: Bench) -> None:
    scheduler = bench.place.scheduler
    job = bench.spec("echo ran; sleep 2")
    first = scheduler.submit(job)
    until("it has started", lambda: attempt_record.read_start(job.folder), WAIT_S)
    scheduler.submit(job)
    end = bench.end(job, first)
    assert (end.state, end.exit_code, end.scheduler_id) == (JobState.SUCCEEDED, 0, first)
    assert out(job) == "ran\n"


def test_a_job_whose_id_was_never_recorded_is_adopted_by_its_exact_name(bench: Bench) -> None:
    scheduler = bench.place.scheduler
    job = bench.spec("exit 5")
    number = scheduler.submit(job)
    until("it has ended", lambda: attempt_record.read_exit(job.folder), WAIT_S)

    def look() -> JobReport | None:
        found = scheduler.find(submitted(job))
        return found if found is not None and found.state is JobState.FAILED else None

    found = until("it is found", look, WAIT_S)
    assert (found.scheduler_id, found.exit_code) == (number, 5)
    assert scheduler.find(submitted(replace(job, name=job.name[:-2], folder=job.folder / "none"))) is None


def test_a_job_that_was_never_submitted_is_found_nowhere(bench: Bench) -> None:
    assert bench.place.scheduler.find(submitted(bench.spec("true"))) is None


def test_the_figures_of_the_partitions(bench: Bench) -> None:
    bench.place.scheduler.check()
    figures = bench.place.scheduler.partitions()
    assert figures
    for one in figures:
        assert 0 <= one.avail_nodes <= one.total_nodes
        assert 0 <= one.avail_cpus <= one.total_cpus
    assert sum(one.avail_cpus for one in figures) > 0


def test_members_of_an_array_end_each_by_itself(bench: Bench) -> None:
    scheduler = bench.place.scheduler
    assert scheduler.largest_array() > 1
    job = bench.spec('exit "$(basename "$(dirname "$1")")"', size=3)
    job = replace(job, command=(*job.command, str(job.folder / "job.json")))
    number = scheduler.submit(job)
    members = [member(job, number, k) for k in (1, 2, 3)]

    ended = until("all members have ended", lambda: bench.member_ends(members), WAIT_S)
    assert [ended[one.name].exit_code for one in members] == [1, 2, 3]
    assert scheduler.find(submitted(job)) is not None


def test_an_array_is_cancelled_as_a_whole(bench: Bench) -> None:
    scheduler = bench.place.scheduler
    job = bench.spec("echo up; exec sleep 600", size=2)
    number = scheduler.submit(job)
    members = [member(job, number, k) for k in (1, 2)]
    logs = [one.folder / batch_script.STDOUT for one in members]
    until("both run", lambda: all(log.exists() and log.read_text() for log in logs), WAIT_S)
    scheduler.cancel(job.name, number)
    ended = until("both have ended", lambda: bench.member_ends(members), WAIT_S)
    assert {one.state for one in ended.values()} == {JobState.CANCELLED}
