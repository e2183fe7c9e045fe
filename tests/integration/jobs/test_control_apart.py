"""A run trusts and executes nothing of its output folder, whatever lies there before it begins."""

import sys
from pathlib import Path

import pytest

from gateway.clusters.configuration import clusters
from gateway.db import session_scope
from gateway.models import Job
from gateway.operations.retries import retry
from gateway.schedulers.opening import open_scheduler
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work.transitions import events
from tests import running_jobs
from tests.polling import until
from tests.rows import job, new_job

pytestmark = pytest.mark.usefixtures("database")


def _retry(row: Job) -> Job:
    with session_scope() as session:
        retry(session, session.get_one(Job, row.id), actor="ada")
    return job(row.id)


def _failed(home: Path) -> Job:
    """Run a job that fails: the next attempt's folder can be named beforehand."""
    marker = home / running_jobs.DATA / "fail"
    marker.touch()
    row_id = new_job("fft", num_mpi_procs=1)
    running_jobs.submit(row_id)
    row = running_jobs.finish(row_id)
    assert (row.state, row.run) == (JobState.FAILED, 1)
    marker.unlink()
    return row


def test_control_and_output_of_a_run_lie_apart(home: Path) -> None:
    row = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    row = running_jobs.finish(row.id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    control, output = running_jobs.control_of(home, row), running_jobs.output_of(home, row)
    assert {path.name for path in control.iterdir()} == {
        *("job.sh", "job.json", "started.json", "exit.json"),
        *("launch.log", "stdout.log", "stderr.log"),
    }
    assert {path.name for path in output.iterdir()} == {"CSVFormate", "outputs.json", "usage.json"}
    assert [path.stat().st_mode & 0o777 for path in (control.parents[1], control)] == [0o700, 0o700]
    assert output.stat().st_mode & 0o027 == 0
    assert row.usage is not None
    assert row.usage["memory_peak_bytes"] == 7


@pytest.mark.parametrize("planted", ["exit.json/", "started.json/", "job.sh", "hpc_kernels/__main__.py", ""])
def test_the_next_attempt_leaves_a_folder_that_is_already_there(home: Path, planted: str) -> None:
    row = _failed(home)
    place = home / running_jobs.OUTPUT / f"{row.id}.2"
    place.mkdir()
    if planted:
        file = place / planted
        file.parent.mkdir(exist_ok=True)
        file.mkdir() if planted.endswith("/") else file.write_text("touch /tmp/never")
    before = sorted(path.relative_to(place) for path in place.rglob("*"))
    row = running_jobs.submit(_retry(row).id)
    assert (row.attempt, row.run) == (2, 3)
    row = running_jobs.finish(row.id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert sorted(path.relative_to(place) for path in place.rglob("*")) == before
    with session_scope(read_only=True) as session:
        told = [event.reason for event in events(session, job(row.id))]
    assert "a folder of run 2 was already there: this is run 3" in told
    assert _retry_number(row) == 4


def _retry_number(row: Job) -> int:
    """Return the run of one attempt more."""
    with session_scope() as session:
        again = session.get_one(Job, row.id)
        again.state, again.finding = JobState.FAILED, None
        retry(session, again, actor="ada")
        return again.run


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_link_or_a_file_in_the_place_of_the_folder_is_not_followed(home: Path, kind: str) -> None:
    row = _failed(home)
    elsewhere, place = home / "elsewhere", home / running_jobs.OUTPUT / f"{row.id}.2"
    elsewhere.mkdir()
    place.symlink_to(elsewhere) if kind == "link" else place.touch()
    row = running_jobs.submit(_retry(row).id)
    assert row.run == 3
    assert running_jobs.succeeded_with_output(home, running_jobs.finish(row.id))
    assert list(elsewhere.iterdir()) == []


def test_script_and_job_file_of_a_waiting_job_lie_out_of_reach(home: Path, tmp_path: Path) -> None:
    running_jobs.use_kernel(tmp_path, cpus=1)
    hold = home / running_jobs.DATA / "hold"
    hold.touch()
    first = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    control = running_jobs.control_of(home, first)
    until("it computes", (control / "stdout.log").exists)
    waiting = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    output, marker = running_jobs.output_of(home, waiting), tmp_path / "pwned"
    assert list(output.iterdir()) == []
    for name in ("job.sh", "job.json", "started.json", "exit.json", "first_failure"):
        (output / name).write_text(f"#!/bin/bash\ntouch {marker}\n")
    hold.unlink()
    running_jobs.scheduler().cancel(first.name, first.scheduler_id)
    row = running_jobs.finish(waiting.id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert not marker.exists()


def test_planted_packages_are_not_imported(home: Path, tmp_path: Path) -> None:
    """The real kernels, and packages in every folder that could be on the path of imports."""
    path = get_settings().infrastructures
    path.write_text(path.read_text().replace(str(tmp_path / "kernel"), sys.executable))
    clusters.cache_clear()
    open_scheduler.cache_clear()
    marker = tmp_path / "pwned"
    row = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    row = running_jobs.finish(row.id)
    assert (row.state, row.exit_code) == (JobState.FAILED, 2), row.reason
    data = home / running_jobs.DATA
    for folder in (home / running_jobs.OUTPUT / f"{row.id}.2", data, data / "Output_Data", home):
        for name in ("hpc_kernels/__main__.py", "json/__init__.py", "sitecustomize.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"open({str(marker)!r}, 'w')")
    row = running_jobs.finish(running_jobs.submit(_retry(row).id).id)
    assert (row.run, row.state, row.exit_code) == (3, JobState.FAILED, 2)
    assert "x.csv" in row.reason
    assert not marker.exists()
