"""A worker killed between `submit()` and the record of it, fifty times: fifty jobs in Slurm."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from gateway.clusters.configuration import clusters
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.client import SlurmScheduler
from gateway.settings import get_settings
from gateway.states import JobState
from tests.cluster.slurm_cluster import SlurmCluster, configure
from tests.rows import job, new_job

JOBS = 50
LEASE_S = 0.5


@pytest.fixture(params=["sqlite"])
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture
def on_slurm(
    settings: None, cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    home = tmp_path / "stack" / "cluster"
    home.mkdir(parents=True)
    monkeypatch.setenv("GATEWAY_INFRASTRUCTURES", str(configure(cluster, tmp_path)))
    monkeypatch.setenv("GATEWAY_LEASE_S", str(LEASE_S))
    for cached in (get_settings, clusters):
        cached.cache_clear()
    yield
    cluster.command("scancel", "--user=root")


def submit(row_id: UUID) -> None:
    from workers.tasks.jobs import submit as task  # noqa: PLC0415  after the environment is set

    task.apply(args=[str(row_id)], throw=True)


def submit_and_die(row_id: UUID) -> int:
    """Run the task in a child that is killed as soon as Slurm has the job; return its wait status."""
    child = os.fork()
    if child == 0:
        real = SlurmScheduler.submit

        def deadly(self: SlurmScheduler, spec: JobSpec) -> str:
            real(self, spec)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        SlurmScheduler.submit = deadly  # type: ignore[method-assign]
        try:
            submit(row_id)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.mark.usefixtures("on_slurm", "scheduler", "database")
def test_killed_between_submit_and_record(cluster: SlurmCluster) -> None:
    rows = [new_job("fft", infrastructure="demo", num_mpi_procs=1) for _ in range(JOBS)]
    for row_id in rows:
        assert os.WIFSIGNALED(submit_and_die(row_id))
        assert job(row_id).state is JobState.SUBMITTING
    time.sleep(LEASE_S + 0.1)
    for row_id in rows:
        submit(row_id)
        assert job(row_id).state is JobState.PENDING
    counted = Counter(cluster.names())
    assert [counted[job(row_id).name] for row_id in rows] == [1] * JOBS
    lines = cluster.command("squeue", "-h", "-t", "all", "-o", "%j %i").splitlines()
    ids = dict(line.split() for line in lines)
    assert [job(row_id).scheduler_id for row_id in rows] == [ids[job(row_id).name] for row_id in rows]
