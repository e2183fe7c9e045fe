"""Job arrays in a real Slurm: one submission, one record for all that wait, a start and an end per member."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.schedulers import attempt_record
from gateway.schedulers.arrays import member_folder, member_name
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from gateway.states import JobState
from tests.cluster.slurm_cluster import SITE_ONLY, SlurmCluster
from tests.ordinary import own
from tests.polling import until

NAME, SIZE = "array.1.0", 1000
ENDED = 20  # members; the others would take the test machine minutes


def array(folder: Path, text: str, size: int = SIZE, name: str = NAME) -> JobSpec:
    folder = folder / name
    folder.mkdir()
    for index in range(1, size + 1):
        member_folder(folder, index).mkdir()
        own(member_folder(folder, index))
    command = ("/bin/bash", "-c", text, "x", str(folder / "job.json"))
    return JobSpec(name, folder, command, 1, 1, "srun", mpi="none", array_size=size)


def submitted(spec: JobSpec, scheduler_id: str = "") -> SubmittedJob:
    return SubmittedJob(spec.name, scheduler_id, spec.folder, datetime.now(UTC), spec.array_size)


def members(spec: JobSpec, scheduler_id: str) -> list[SubmittedJob]:
    return [
        SubmittedJob(
            member_name(spec.name, k), f"{scheduler_id}_{k}", member_folder(spec.folder, k), datetime.now(UTC)
        )
        for k in range(1, spec.array_size + 1)
    ]


def test_a_thousand_members_are_one_submission(
    cluster: SlurmCluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    """Their ends, exit codes and folders are their own; a cancel of the array ends all that are left."""
    assert scheduler.largest_array() == SIZE
    spec = array(tmp_path, 'k=$(basename "$(dirname "$1")"); [ "$k" -lt 20 ] && exit $((k % 3)); sleep 300')
    number = scheduler.submit(spec)
    assert len(cluster.command("squeue", "-h", "-r", "-o", "%j", "--name", NAME).splitlines()) == SIZE
    found = scheduler.find(submitted(spec))
    assert found is not None
    assert found.scheduler_id.partition("_")[0] == number

    def ends() -> dict[str, JobReport] | None:
        reports = scheduler.jobs()
        early = {name: reports.get(name) for name in (member_name(NAME, k) for k in range(1, ENDED))}
        return reports if all(each and each.ended_at for each in early.values()) else None

    reports = until("the first members have ended", ends, 120)
    assert reports[NAME].state is JobState.PENDING
    assert reports[NAME].scheduler_id == number
    for index in range(1, ENDED):
        report = reports[member_name(NAME, index)]
        assert (report.exit_code, report.scheduler_id) == (index % 3, f"{number}_{index}")
        assert report.state is (JobState.FAILED if index % 3 else JobState.SUCCEEDED)
        start = attempt_record.read_start(member_folder(spec.folder, index))
        assert start is not None
        assert start.scheduler_id == report.scheduler_id
    scheduler.cancel("another", number)
    assert NAME in scheduler.jobs()
    scheduler.cancel(NAME, f"{number}_5")
    until("no member is left", lambda: not cluster.command("squeue", "-h", "--name", NAME), 120)
    left = [each for each in scheduler.jobs().values() if each.name.startswith(NAME) and not each.ended_at]
    assert left == []


def test_an_array_that_slurm_lists_no_more_is_found_by_its_folders(
    cluster: SlurmCluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    spec = array(tmp_path, "exit 4", size=3, name="array.2.0")
    number = scheduler.submit(spec)
    asked = [replace(each) for each in members(spec, number)]
    until(
        "all have ended",
        lambda: all(attempt_record.read_exit(each.folder) for each in asked),
        60,
    )
    cluster.empty()
    recalled = scheduler.recall(asked)
    assert {name: report and (report.state, report.exit_code) for name, report in recalled.items()} == {
        each.name: (JobState.FAILED, 4) for each in asked
    }
    other = array(tmp_path, "true", size=3, name="array.3.0")
    assert scheduler.find(submitted(other)) is None


def _has_run(member: SubmittedJob, least_s: int) -> bool:
    start = attempt_record.read_start(member.folder)
    return start is not None and (datetime.now(UTC) - start.started_at).total_seconds() > least_s


@SITE_ONLY
def test_the_accounting_tells_of_members_that_a_person_cancelled(
    cluster: SlurmCluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    """Without its answer a signal counts as a loss; one question is about both."""
    spec = array(tmp_path, "sleep 300", size=2, name="array.4.0")
    number = scheduler.submit(spec)
    asked = members(spec, number)
    until("both have run for two seconds", lambda: all(_has_run(each, 2) for each in asked), 60)
    cluster.command("scancel", number)
    until("both have ended", lambda: all(attempt_record.read_exit(each.folder) for each in asked), 60)
    cancelled = {each.name: JobState.CANCELLED for each in asked}

    def is_told() -> bool:
        return {k: each and each.state for k, each in scheduler.recall(asked).items()} == cancelled

    until("slurmdbd tells of both", is_told, 60, period_s=1)
    figures = scheduler.accounting(replace(submitted(spec, number), array_size=1))
    assert figures.keys() == {each.name for each in asked}
    assert all((each.elapsed_s or 0) > 0 for each in figures.values())


@pytest.mark.parametrize("size", [1])
def test_the_only_member_of_a_list_is_a_plain_job(
    cluster: SlurmCluster, scheduler: SlurmScheduler, tmp_path: Path, size: int
) -> None:
    spec = replace(array(tmp_path, "exit 0", size=2, name=f"{tmp_path.name}.0"), array_size=size)
    number = scheduler.submit(spec)
    until("it has ended", lambda: scheduler.jobs()[spec.name].ended_at, 60)
    assert scheduler.jobs()[spec.name].scheduler_id == number
    told = cluster.command("squeue", "-h", "-t", "all", "-o", "%F %K", "-j", number)
    assert told.split() == [number, "N/A"]
