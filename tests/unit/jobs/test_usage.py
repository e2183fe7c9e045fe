"""Usage of a finished job: the figures of its ranks, and those of the scheduler."""

import json
from pathlib import Path, PurePosixPath

import pytest

from gateway.filesystems.attempt_folder import AttemptFolder
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs.run_folders import RunFolders
from gateway.jobs.usage import measure_usage
from gateway.models import Job
from gateway.schedulers.base import Accounting

RANK = {"cpu_s": 2.0, "peak_rss_bytes": 50, "read_bytes": 7, "written_bytes": 3}
END = {
    "exit_code": 0,
    "signal": None,
    "started_at": "2026-11-22T12:00:00Z",
    "ended_at": "2026-11-22T12:00:04Z",
    "time_limit_s": None,
}
MOST_MIB = 300
ACCOUNTS = Accounting(elapsed_s=5, cpu_s=6.0, resident_memory_bytes=40)


@pytest.fixture
def job() -> Job:
    return Job(params={"num_mpi_procs": 2, "num_thread": 1}, resources={"memory_per_cpu_bytes": 100})


def measured(
    job: Job, folder: Path, accounting: Accounting | None = None
) -> tuple[dict[str, object], list[str]]:
    path = PurePosixPath(folder)
    here = AttemptFolder(SharedFilesystem((path.parent,)), path)
    return measure_usage(job, RunFolders(here, here), accounting)


def used(job: Job, folder: Path, accounting: Accounting | None = None) -> dict[str, object]:
    return measured(job, folder, accounting)[0]


def test_the_sum_of_the_ranks(job: Job, tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text(json.dumps([RANK, RANK]))
    (tmp_path / "exit.json").write_text(json.dumps(END))
    told = used(job, tmp_path)
    assert (told["cpu_s"], told["cpu_efficiency"], told["wall_s"]) == (4.0, 0.5, 4.0)
    assert (told["memory_peak_bytes"], told["memory_efficiency"]) == (100, 0.5)
    assert (told["ranks_measured"], told["accounting"]) == (2, None)


def test_the_scheduler_s_figures_stand_beside_the_ranks(job: Job, tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text(json.dumps([RANK, RANK]))
    told = used(job, tmp_path, ACCOUNTS)
    assert told["cpu_s"] == 4.0
    assert told["accounting"] == {"elapsed_s": 5, "cpu_s": 6.0, "resident_memory_bytes": 40}


@pytest.mark.parametrize("damage", [None, "", "{", "[1]", '[{"cpu_s": 1}]', "null"])
def test_no_rank_lived_to_measure(job: Job, tmp_path: Path, damage: str | None) -> None:
    if damage is not None:
        (tmp_path / "usage.json").write_text(damage)
    told = used(job, tmp_path)
    assert (told["ranks_measured"], told["cpu_s"], told["memory_peak_bytes"]) == (0, None, None)
    assert used(job, tmp_path, ACCOUNTS)["cpu_s"] == 6.0


@pytest.mark.parametrize("entry", [{}, 1, [[]], RANK])
def test_a_file_of_many_more_entries_than_ranks_is_not_parsed(
    job: Job, tmp_path: Path, entry: object
) -> None:
    (tmp_path / "usage.json").write_text(json.dumps([entry] * 5000))
    told, warnings = measured(job, tmp_path)
    assert told["ranks_measured"] == 0
    assert "usage.json of the job has" in warnings[0]


def test_the_first_wrong_entry_of_a_large_job_ends_the_reading(tmp_path: Path) -> None:
    job = Job(params={"num_mpi_procs": 100_000, "num_thread": 1}, resources={})
    (tmp_path / "usage.json").write_text(json.dumps([{}] * 1_000_000))
    told, warnings = measured(job, tmp_path)
    assert told["ranks_measured"] == 0
    assert "0.cpu_s: Field required" in warnings[0]
    assert _peak_mib(job, tmp_path) < MOST_MIB


def _peak_mib(job: Job, folder: Path) -> float:
    """Return the growth of this process's peak memory while it reads the folder."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    reset.write_text("5")
    before = _high_mark(status)
    measured(job, folder)
    return (_high_mark(status) - before) / 1024


def _high_mark(status: Path) -> int:
    return int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0])


def test_the_warnings_of_the_kernels_are_cleaned(job: Job, tmp_path: Path) -> None:
    (tmp_path / "warnings.json").write_text(json.dumps(["x.csv: 'a\x1b[2J'", "told"]))
    assert measured(job, tmp_path)[1] == ["x.csv: 'a\\x1b[2J'", "told"]


@pytest.mark.parametrize("damage", ["{", "{}", "[1]", json.dumps(["x"] * 101), json.dumps(["x" * 1001])])
def test_warnings_of_another_shape_cost_the_warnings_alone(job: Job, tmp_path: Path, damage: str) -> None:
    (tmp_path / "usage.json").write_text(json.dumps([RANK, RANK]))
    (tmp_path / "warnings.json").write_text(damage)
    told, warnings = measured(job, tmp_path)
    assert told["ranks_measured"] == 2
    assert len(warnings) == 1
    assert "warnings.json" in warnings[0]
