"""Whatever lies in one run's folders costs that run its figures or outputs, and nothing else anything."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope, utc_now
from gateway.jobs.logs import LogRange
from gateway.jobs.run_folders import open_run
from gateway.models import Job
from gateway.operations import retention
from gateway.schedulers.local import launch
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.states import JobState, is_final
from tests import running_jobs
from tests.poison import CHANGES, CONTENTS, KINDS, kinds_of, poison
from tests.polling import until
from tests.rows import job, new_job
from workers.tasks import control
from workers.tasks import jobs as tasks
from workers.tasks.retention import prune_job

pytestmark = pytest.mark.usefixtures("database")
Place = Callable[[Path, Job], Path]
CONTROL = (
    *("job.sh", "job.json", "started.json", "exit.json", "cancelled", "first_failure"),
    *("launch.log", "stdout.log", "stderr.log"),
)
OUTPUT = ("outputs.json", "usage.json", "usage.0.json")
# Files that tell nothing about the end of a job that ended well.
HARMLESS = {"job.json", "cancelled", "first_failure", "launch.log", "stdout.log", "stderr.log"}


@pytest.fixture(params=["sqlite"])
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


def _ran(home: Path, number: int) -> list[Job]:
    """Run so many jobs to the ends of their scripts; no watcher has seen the ends."""
    rows = [running_jobs.submit(new_job("fft", num_mpi_procs=1)) for _ in range(number)]
    for row in rows:
        until("the script has ended", (running_jobs.control_of(home, row) / "exit.json").exists)
    for entry in (home / ".hpc-gateway/spool/jobs").iterdir():
        unseen = json.loads(entry.read_text()) | {"end": None, "end_seen_at": 0}
        entry.write_text(json.dumps(unseen))
    return rows


def _finish(row: Job) -> Job:
    if job(row.id).finding:
        tasks.finish.apply(args=[str(row.id)])
    return job(row.id)


def _read_logs(row: Job) -> None:
    folders = open_run(row, configured_clusters()["hpc"])
    for stream in ("stdout", "stderr"):
        control.read(folders.control, LogRange(stream, 0, None))
        control.read(folders.control, LogRange(stream, 0, 10))


def _prune(rows: list[Job]) -> None:
    ids = [row.id for row in rows]
    with session_scope() as session:
        past = utc_now() - timedelta(days=31)
        session.execute(update(Job).where(Job.id.in_(ids)).values(state=JobState.FAILED, ended_at=past))
        retention.mark_expired(session, utc_now())
    for row in rows:
        prune_job.apply(args=[str(row.id)], throw=True)
        with session_scope(read_only=True) as session:
            assert session.get(Job, row.id) is None, row.id


def _some_kinds(name: str) -> list[str]:
    """Return a folder and a fifth of the other kinds; all of them meet one file or another."""
    number = (*CONTROL, *OUTPUT).index(name) % 5
    return list(dict.fromkeys(("a folder", *kinds_of(name)[number::5])))


@pytest.mark.parametrize("kinds_for", [_some_kinds, pytest.param(kinds_of, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", [*CONTROL, *OUTPUT])
def test_a_poisoned_file_costs_its_own_run_alone(
    home: Path, name: str, kinds_for: Callable[[str], list[str]]
) -> None:
    kinds = kinds_for(name)
    first, *victims, last = _ran(home, len(kinds) + 2)
    place = running_jobs.output_of if name in OUTPUT else running_jobs.control_of
    for kind, row in zip(kinds, victims, strict=True):
        if name == "usage.0.json":
            shutil.move(running_jobs.output_of(home, row) / "usage.json", place(home, row) / name)
        poison(place(home, row) / name, kind)
    running_jobs.watch_once()
    [partition] = running_jobs.scheduler().partitions()
    assert partition.running_jobs <= 1  # without its start a script is started again
    for row in (first, *victims, last):
        _read_logs(row)
    assert all(running_jobs.succeeded_with_output(home, _finish(row)) for row in (first, last))
    ends = {kind: running_jobs.finish(row.id) for kind, row in zip(kinds, victims, strict=True)}
    _check_ends(name, ends)
    _prune([first, *victims, last])
    assert list((home / running_jobs.OUTPUT).iterdir()) == []
    assert list((home / ".hpc-gateway/jobs").iterdir()) == []


def _check_ends(name: str, ends: dict[str, Job]) -> None:
    """Every end is final and says what was wrong, unless the file tells nothing about the end."""
    for kind, row in ends.items():
        told = f"{kind}: {row.state} {row.reason!r} {row.warnings}"
        if name in HARMLESS:
            assert row.state is JobState.SUCCEEDED, told
        elif name.startswith("usage"):
            assert row.state is JobState.SUCCEEDED, told
            assert row.usage is not None
            figures = row.usage["memory_peak_bytes"]
            assert figures is None or isinstance(figures, int), told
            if kind in KINDS and kind not in {"missing", "a list"}:
                assert (figures, len(row.warnings)) == (None, 1), told
                assert name in row.warnings[0], told
        elif row.state is JobState.SUCCEEDED:
            assert (
                kind in CHANGES or (name, kind) == ("started.json", "missing") or _is_harmless(name, kind)
            ), told
        else:
            assert row.state is JobState.FAILED, told
            assert kind == "missing" or name in row.reason, told


def _is_harmless(name: str, kind: str) -> bool:
    """Tell whether the poison is a file that is right, or one whose content is no longer read."""
    return (name, kind) == ("outputs.json", "a list") or (
        name == "job.sh" and (kind in CONTENTS or kind == "1 GB")
    )


@pytest.mark.parametrize("name", ["job.sh", "launch.log", "started.json", "exit.json", "cancelled"])
def test_a_file_that_is_poisoned_before_the_start_holds_up_no_other_job(
    home: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_LAUNCH_WAIT_S", 1.0)
    monkeypatch.setattr(local_scheduler, "LAUNCHES", 4)
    running_jobs.use_kernel(tmp_path, cpus=1)
    kinds = ["a folder", "a pipe", "a socket", "a link to an endless device", "1 GB", "deep JSON"]
    hold = home / running_jobs.DATA / "hold"
    hold.touch()
    first = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    until("it computes", (running_jobs.control_of(home, first) / "stdout.log").exists)
    *victims, last = [running_jobs.submit(new_job("fft", num_mpi_procs=1)) for _ in range(len(kinds) + 1)]
    for kind, row in zip(kinds, victims, strict=True):
        poison(running_jobs.control_of(home, row) / name, kind)
    hold.unlink()
    running_jobs.scheduler().cancel(first.name, first.scheduler_id)
    assert running_jobs.succeeded_with_output(home, running_jobs.finish(last.id))
    for row in victims:
        assert is_final(running_jobs.finish(row.id).state)
    if name == "exit.json":
        assert "exit.json" in job(victims[0].id).reason  # a folder that the script cannot replace


@pytest.mark.parametrize("folder", [running_jobs.control_of, running_jobs.output_of])
@pytest.mark.parametrize("kind", ["missing", "a pipe", "a link", "a file", "deep", "another folder"])
def test_a_folder_that_is_another_costs_its_own_run_alone(home: Path, folder: Place, kind: str) -> None:
    first, victim, last = _ran(home, 3)
    path = folder(home, victim)
    if kind == "deep":
        _nest(path, 1200)
    else:
        shutil.move(path, path.with_name("moved"))
        if kind == "a link":
            path.symlink_to(path.with_name("moved"))
        elif kind == "another folder":
            shutil.copytree(path.with_name("moved"), path)
        elif kind != "missing":
            poison(path, {"a pipe": kind, "a file": "empty"}[kind])
    running_jobs.watch_once()
    running_jobs.scheduler().partitions()
    _read_logs(victim)
    ended = _finish(victim)
    assert all(running_jobs.succeeded_with_output(home, _finish(row)) for row in (first, last))
    assert ended.ended_at is not None
    if folder is running_jobs.output_of and kind != "deep":
        assert ended.state is JobState.FAILED
        assert "its outputs cannot be read" in ended.reason
    _prune([first, victim, last])
    subprocess.run(["/bin/rm", "-rf", str(path)], check=True)  # what is too deep for Python stays


def _nest(path: Path, depth: int) -> None:
    """Make folders in one another, deeper than the interpreter's recursion."""
    here = str(path)
    for _ in range(depth // 100):
        below = "/".join(["d"] * 100)
        Path(f"{here}/{below}").mkdir(parents=True)
        here = f"{here}/{below}"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "{home}/serrano/data/Output_Data/jobs/00000000-0000-0000-0000-000000000000.1/x",
        "{output}/../../../../../etc/passwd",
        "{output}",
        "{output}x/y",
        "relative",
        "/a\x00b",
    ],
)
def test_outputs_elsewhere_are_not_told(home: Path, path: str) -> None:
    [row] = _ran(home, 1)
    output = running_jobs.output_of(home, row)
    listed = (output / "outputs.json").read_text()
    given = path.format(home=home, output=output).replace("\x00", "\\u0000")
    (output / "outputs.json").write_text(listed.replace(f"{output}/CSVFormate/FFT_Filter_output.csv", given))
    running_jobs.watch_once()
    row = _finish(row)
    assert (row.state, row.outputs) == (JobState.FAILED, [])
    assert "outputs.json" in row.reason
