"""Job arrays: one script and one submission; each member has its own name, folder, start and end."""

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.errors import Invalid
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.arrays import array_id, member_folder, member_id, member_name, split_name
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.accounting import load_records
from gateway.schedulers.slurm.recovery import recover_array
from gateway.schedulers.slurm.reports import duplicate_jobs, translate_jobs
from gateway.schedulers.slurm.submission import submission_options
from gateway.states import JobState
from tests.unit.schedulers.slurm_records import NAME, NOW, USER, record, submitted, write_exit, write_start

TASK = "SLURM_ARRAY_TASK_ID"


def spec(folder: Path, *command: str, size: int = 3) -> JobSpec:
    return JobSpec(NAME, folder, command or ("true",), 1, 1, "processes", array_size=size)


def run(job: JobSpec, **environment: str) -> int:
    for index in range(1, job.array_size + 1):
        member_folder(job.folder, index).mkdir(exist_ok=True)
    script = ["/bin/bash", "-p", "-c", batch_script.render(job)]
    return subprocess.run(script, env={"PATH": "/usr/bin:/bin", **environment}, check=False).returncode


def test_the_script_finds_the_folder_of_its_index_and_starts_there_once(tmp_path: Path) -> None:
    """An argument below the folder is of the member's; one with awkward characters arrives untouched."""
    job = spec(tmp_path, "/bin/bash", "-c", 'echo "$@"', "x", f"{tmp_path}/a 'b'.json", "/else/where")
    assert run(job, SLURM_ARRAY_JOB_ID="9", **{TASK: "2"}) == 0
    folder = member_folder(tmp_path, 2)
    assert (folder / batch_script.STDOUT).read_text() == f"{folder}/a 'b'.json /else/where\n"
    start = attempt_record.read_start(folder)
    assert start is not None
    assert start.scheduler_id == "9_2"
    assert attempt_record.read_exit(folder) is not None
    assert run(job, **{TASK: "2"}) == batch_script.ALREADY_STARTED
    assert run(job, PBS_ARRAY_INDEX="3") == 0
    assert attempt_record.read_start(member_folder(tmp_path, 1)) is None


@pytest.mark.parametrize("index", ["", "0", "-1", "../2", "2 3", "4"])
def test_an_index_without_a_folder_runs_nothing(index: str, tmp_path: Path) -> None:
    assert run(spec(tmp_path, "touch", str(tmp_path / "ran")), **{TASK: index}) == batch_script.NO_FOLDER
    assert not list(tmp_path.rglob("ran"))
    assert not list(tmp_path.rglob(batch_script.STARTED))


def test_the_only_member_is_a_plain_job(tmp_path: Path) -> None:
    job = spec(tmp_path, size=1)
    assert batch_script.render(job) == batch_script.render(replace(job, array_size=1))
    assert "array" not in submission_options(job, 1)
    assert submission_options(replace(job, array_size=7), 1)["array"] == "1-7"
    with pytest.raises(Invalid, match="at least one member"):
        batch_script.render(replace(job, array_size=0))


def test_names_and_ids_go_both_ways() -> None:
    assert split_name(member_name("job.1.0", 12)) == ("job.1.0", 12)
    assert [split_name(name) for name in ("job.1", "job[0]", "job[x]")] == [
        ("job.1", None),
        ("job[0]", None),
        ("job[x]", None),
    ]
    assert [array_id("7"), array_id(member_id("7", 12))] == ["7", "7"]


def test_waiting_members_share_a_report_and_the_others_have_their_own(tmp_path: Path) -> None:
    ran = member_folder(tmp_path, 1)
    ran.mkdir()
    write_start(ran, "7_1")
    write_exit(ran, exit_code=3)
    ended = record("FAILED", 8, folder=ran, ran_s=20, exit_code=3)
    jobs = [
        replace(record("PENDING", 7, folder=tmp_path), array_id=7),
        replace(ended, name=f"{NAME}[1]", array_id=7, index=1),
        replace(record("RUNNING", 9, folder=tmp_path / "2"), name=f"{NAME}[2]", array_id=7, index=2),
    ]
    found = translate_jobs(jobs, USER, NOW)
    assert {name: (each.scheduler_id, each.state) for name, each in found.items()} == {
        NAME: ("7", JobState.PENDING),
        f"{NAME}[1]": ("7_1", JobState.FAILED),
        f"{NAME}[2]": ("7_2", JobState.RUNNING),
    }
    assert found[f"{NAME}[1]"].exit_code == 3


def test_of_two_copies_of_a_member_the_one_that_started_counts_and_no_array_is_cancelled(
    tmp_path: Path,
) -> None:
    folder = member_folder(tmp_path, 1)
    folder.mkdir()
    write_start(folder, "9_1")
    copies = [
        replace(record("PENDING", 8, folder=folder), name=f"{NAME}[1]", array_id=7, index=1),
        replace(record("RUNNING", 10, folder=folder), name=f"{NAME}[1]", array_id=9, index=1),
    ]
    assert translate_jobs(copies, USER, NOW)[f"{NAME}[1]"].scheduler_id == "9_1"
    assert duplicate_jobs(copies, USER) == []


def test_an_array_that_slurm_forgot_is_known_by_any_member_that_started(tmp_path: Path) -> None:
    array = replace(submitted(tmp_path), array_size=3)
    assert recover_array(array) is None
    folder = member_folder(tmp_path, 3)
    folder.mkdir()
    write_start(folder, "7_3")
    found = recover_array(array)
    assert found is not None
    assert array_id(found.scheduler_id) == "7"


def test_slurm_s_messages_about_a_member_lie_beside_its_folder(tmp_path: Path) -> None:
    folder = member_folder(tmp_path, 2)
    folder.mkdir()
    log = tmp_path / "slurm-7_2.log"
    log.write_text(
        "slurmstepd: error: *** JOB 11 ON n1 CANCELLED AT 2026-11-22T12:00:00 DUE TO TIME LIMIT ***\n"
    )
    ended = record("FAILED", 11, folder=folder, ran_s=60)
    found = translate_jobs([replace(ended, name=f"{NAME}[2]", array_id=7, index=2)], USER, NOW)
    assert found[f"{NAME}[2]"].state is JobState.TIMEOUT


def test_all_members_of_an_array_are_one_question_to_the_accounting() -> None:
    questions: list[dict[str, object]] = []

    def load(condition: dict[str, object]) -> dict[int, str]:
        questions.append(condition)
        return {}

    db = SimpleNamespace(JobFilter=lambda **condition: condition, Jobs=SimpleNamespace(load=load))
    members = [submitted(Path(f"/x/{k}"), f"7_{k}", f"{NAME}[{k}]") for k in range(1, 1001)]
    load_records(SimpleNamespace(db=db), members, 5)
    assert questions == [{"users": [5], "names": [NAME], "ids": [7]}]
