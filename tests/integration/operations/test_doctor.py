"""`hpc-gateway doctor` on this machine: its findings and its advice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.clusters.telemetry import PartitionFigures
from gateway.command_runners.base import CommandResult
from gateway.errors import SchedulerError
from gateway.operations import doctor
from gateway.operations.doctor import FOLDER, Finding, examine
from gateway.operations.root_processes import root_parts
from gateway.schedulers.base import JobSpec
from gateway.schedulers.local.scheduler import LocalScheduler
from tests.pbs.replay import Replay
from tests.unit.schedulers.pbs_recordings import HISTORY, NO_HISTORY


def findings(home: Path, **changes: object) -> dict[str, Finding]:
    given = {"name": "here", "scheduler": "local", "home": home, "python": sys.executable, "max_cpus": 1}
    return {finding.check: finding for finding in examine(Cluster.model_validate(given | changes))}


def test_all_is_well(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert list(found) == ["account", "scheduler", "partitions", "filesystem", "job on a node"]
    assert all(finding.well for finding in found.values() if finding.check != "account"), found
    assert "hpc_kernels" in found["job on a node"].found
    assert list((tmp_path / ".hpc-gateway" / FOLDER).iterdir()) == []


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false", "/bin/true"])
def test_an_interpreter_that_cannot_run_the_kernels(tmp_path: Path, python: str) -> None:
    job = findings(tmp_path, python=python)["job on a node"]
    assert not job.well
    assert "hpc_kernels" in job.advice


class RefusingScheduler(LocalScheduler):
    """Refuses each job as Slurm does one whose account has no association."""

    def submit(self, _spec: JobSpec) -> str:
        raise SchedulerError(
            "Slurm refused: Invalid account or account/partition combination specified (2045)"
        )


def test_a_refused_job_gets_advice_about_its_account_and_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "open_scheduler", lambda _: RefusingScheduler(tmp_path / "spool", 1))
    job = findings(tmp_path)["job on a node"]
    assert not job.well
    assert "Invalid account" in job.found
    assert "sacctmgr" in job.advice
    assert "hpc_kernels" not in job.advice


def test_a_partition_that_does_not_exist(tmp_path: Path) -> None:
    found = findings(tmp_path, defaults={"partition": "gpu"})["partitions"]
    assert not found.well
    assert "gpu" in found.found


@pytest.mark.parametrize(
    ("named", "missing"),
    [
        ({"defaults": {"partition": "a,b"}}, ""),
        ({"ceilings": {"partitions": ["a,b", "b"]}}, ""),
        ({"defaults": {"partition": "b,c"}, "ceilings": {"partitions": ["b", "c", "d,a"]}}, "c, d:"),
    ],
)
def test_a_list_of_partitions_is_checked_name_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, object], missing: str
) -> None:
    figures = [PartitionFigures(name, 1, 1, 4, 4, 0, 0) for name in ("a", "b")]
    monkeypatch.setattr(LocalScheduler, "partitions", lambda _self: figures)
    found = findings(tmp_path, **named)["partitions"]
    assert found.well == (not missing)
    assert found.found.startswith(missing or "a: 1 of 1 nodes free")


@pytest.mark.parametrize(("answers", "told"), [(NO_HISTORY, "job_history_enable is False"), (HISTORY, "")])
def test_a_pbs_that_keeps_no_ended_jobs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, str | CommandResult], told: str
) -> None:
    monkeypatch.setattr(doctor, "open_runner", lambda _: Replay(answers))
    monkeypatch.setattr(doctor, "open_scheduler", lambda _: LocalScheduler(tmp_path / "spool", 1))
    found = findings(tmp_path, scheduler="pbs")["scheduler"]
    assert found.well
    assert ("job_history_enable is False" in found.found) == bool(told)


def test_a_root_that_does_not_exist(tmp_path: Path) -> None:
    found = findings(tmp_path, roots=(PurePosixPath(tmp_path / "gone"),))["filesystem"]
    assert not found.well
    assert "gone" in found.found


def test_without_a_configuration_nothing_else_is_tried(tmp_path: Path) -> None:
    found = findings(tmp_path, scheduler="slurm", slurm_conf=tmp_path / "slurm.conf")
    assert list(found) == ["account", "slurm.conf"]
    assert not found["slurm.conf"].well


@contextmanager
def _part(*words: str, user: int | None = None) -> Iterator[int]:
    """Run a process with the command line of one of the gateway's."""
    argv = ["/bin/sh", "-c", "read line", "gateway.processes", "3", *words]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, user=user)
    try:
        yield process.pid
    finally:
        process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a part as root")
@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("workers.launch:launch", "--concurrency", "4", "--", "demo"), "worker"),
        (("api.server:main", "--host=127.0.0.1"), "API"),
        (("celery.__main__:main", "-A", "gateway.queue", "beat"), "beat"),
        (("celery.__main__:main", "-A", "workers.app", "flower"), "Flower"),
    ],
)
def test_a_part_that_runs_as_root_is_told(tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    with _part(*words) as pid:
        found = findings(tmp_path)["account"]
    assert not found.well
    assert f"the {name} (process {pid}) runs as root" in found.found
    assert "User=" in found.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a part as another account")
def test_a_part_of_another_account_and_other_programs_of_root_are_not_told() -> None:
    with _part("workers.launch:launch", user=65534) as pid, _part("workers.watcher:main", "demo") as below:
        told = {process for _, process in root_parts()}
    assert not {pid, below, os.getpid()} & told


def test_a_doctor_who_is_root_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.operations.root_processes.root_parts", list)
    for uid, well in ((0, False), (1000, True)):
        monkeypatch.setattr("os.geteuid", lambda uid=uid: uid)
        found = findings(tmp_path)["account"]
        assert (found.well, "this command runs as root" in found.found) == (well, not well)
