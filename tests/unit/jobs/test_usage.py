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
