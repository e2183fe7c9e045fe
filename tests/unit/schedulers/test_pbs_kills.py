"""PBS's own message about a job that it killed: the cause of an end, with and without PBS's record."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.pbs.records import PbsJob
from gateway.schedulers.pbs.reports import report_ended, report_listed
from gateway.states import JobState
from tests.unit.schedulers.slurm_records import write_exit, write_start

MEMORY = "=>> PBS: job killed: mem 212345kb exceeded limit 102400kb"
CPU_TIME = "=>> PBS: job killed: cput 4 exceeded limit 2"
WALLTIME = "=>> PBS: job killed: walltime 63 exceeded limit 60"


def forgotten(folder: Path, name: str = "job.1") -> JobReport:
    """Return the report on a job of a server that keeps no ended jobs."""
    found = report_ended(SubmittedJob(name, "7.x", folder, datetime.now(UTC)), None, is_gone=True)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "state", "words"),
    [
        (MEMORY, JobState.OUT_OF_MEMORY, "more memory than it was granted (it used 212345kb of 102400kb)"),
        (
            CPU_TIME,
            JobState.TIMEOUT,
            "more processor time than its queue allows; ask for less (it used 4 of 2)",
        ),
        ("=>> PBS: job killed: ncpus 3.9 exceeded limit 1 (sum)", JobState.FAILED, "it used 3.9 of 1"),
        ("=>> PBS: job killed: vmem 9gb exceeded limit 4gb", JobState.OUT_OF_MEMORY, "9gb of 4gb"),
        (WALLTIME, JobState.TIMEOUT, "it used 63 of 60"),
    ],
)
def test_a_kill_has_its_cause(message: str, state: JobState, words: str, tmp_path: Path) -> None:
    """A limit on processor time was recorded as 137, which a kill by anybody is as well."""
    (tmp_path / "pbs.log").write_text(f"Welcome\n{message}\n")
    report = report_listed(PbsJob("7.x", "job.1", "user", "F", exit_status=137, folder=tmp_path))
    assert (report.state, report.exit_code) == (state, 137)
    assert words in report.reason
    write_start(tmp_path, "7")
    report = forgotten(tmp_path)
    assert report.state is state
    assert words in report.reason


def test_the_default_limit_of_a_queue_is_no_cancel_by_a_person(tmp_path: Path) -> None:
    write_start(tmp_path, "7")
    write_exit(tmp_path, 143, 15)
    assert forgotten(tmp_path).state is JobState.CANCELLED
    (tmp_path / "pbs.log").write_text(WALLTIME)
    report = forgotten(tmp_path)
    assert (report.state, report.exit_code) == (JobState.TIMEOUT, 143)


def test_a_member_has_the_log_of_its_index(tmp_path: Path) -> None:
    for index in (1, 2):
        (tmp_path / str(index)).mkdir()
        write_start(tmp_path / str(index), f"7_{index}")
    (tmp_path / "pbs.2.log").write_text(MEMORY)
    states = [forgotten(tmp_path / str(index), f"job.1[{index}]").state for index in (1, 2)]
    assert states == [JobState.LOST, JobState.OUT_OF_MEMORY]


@pytest.mark.parametrize(
    "text",
    [
        "job killed: mem 1kb exceeded limit 1kb",
        f"echo '{MEMORY}'",
        "=>> PBS: job killed: mem",
        "=>> PBS: job killed: luck 1 exceeded limit 0",
        f"{MEMORY} {'x' * 300}",
        "\udcff\0" * 9,
    ],
    ids=["prefix", "quoted", "short", "unknown", "long", "bytes"],
)
def test_other_words_tell_no_kill(text: str, tmp_path: Path) -> None:
    (tmp_path / "pbs.log").write_bytes(text.encode(errors="surrogateescape"))
    write_start(tmp_path, "7")
    assert forgotten(tmp_path).state is JobState.LOST


def test_a_log_that_is_no_file_tells_no_kill(tmp_path: Path) -> None:
    (tmp_path / "pbs.log").symlink_to("/dev/zero")
    write_start(tmp_path, "7")
    assert forgotten(tmp_path).state is JobState.LOST


def test_a_run_that_has_ended_well_was_not_killed(tmp_path: Path) -> None:
    (tmp_path / "pbs.log").write_text(MEMORY)
    write_start(tmp_path, "7")
    write_exit(tmp_path, 0)
    assert forgotten(tmp_path).state is JobState.SUCCEEDED
