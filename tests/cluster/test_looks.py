"""The real Slurm: the calls of a look, the jobs of one account, and the nodes of a list of partitions."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.schedulers.base import Resources
from gateway.schedulers.slurm import own_jobs
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from gateway.states import JobState
from tests.cluster.scheduler_process import scheduler_process
from tests.cluster.slurm_cluster import SITE_ONLY, USER, SlurmCluster
from tests.cluster.test_pyslurm import nothing_is_left, out, run, spec, wait_for
from tests.ordinary import ROOT

NODES_OF_THE_JOB = 'echo "$SLURM_JOB_NUM_NODES"'
__all__ = ["nothing_is_left"]


def calls(cluster: SlurmCluster) -> Counter[str]:
    """Return the calls about jobs and nodes that slurmctld has served."""
    found = re.findall(r"REQUEST_((?:JOB|NODE)\w*INFO)\s*\(\s*\d+\)\s*count:(\d+)", cluster.command("sdiag"))
    return Counter({kind: int(number) for kind, number in found})


@pytest.fixture
def job_of_another(cluster: SlurmCluster) -> Iterator[None]:
    """Submit a job of root, held."""
    if USER == "root":
        pytest.skip("the jobs of this gateway are root's as well")
    words = ("--parsable", "--hold", "--job-name=theirs", "--chdir=/", "--output=/dev/null", "--wrap=true")
    number = cluster.command("sbatch", *words).strip()
    yield
    cluster.command("scancel", number)


@pytest.fixture
def looks(cluster: SlurmCluster) -> Iterator[SlurmScheduler]:
    """Run a client that has loaded no queue yet: it keeps one for a minute."""
    with scheduler_process(cluster) as client:
        yield client


@pytest.fixture
def without_extension(cluster: SlurmCluster, tmp_path: Path) -> Iterator[SlurmScheduler]:
    """Run a client that cannot import the extension."""
    (tmp_path / f"{own_jobs.EXTENSION}.py").write_text("raise ImportError('not built')")
    with scheduler_process(cluster, {"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as client:
        yield client


def test_the_extension_is_built() -> None:
    assert own_jobs.is_built(), "tests/cluster/prepare.sh installs it"


@pytest.mark.usefixtures("job_of_another")
def test_own_jobs_have_all_that_pyslurm_knows(
    scheduler: SlurmScheduler, without_extension: SlurmScheduler, tmp_path: Path
) -> None:
    names = []
    for folder, text in (("a", "exit 0"), ("b", "exit 3"), ("c", "kill -KILL $$")):
        (tmp_path / folder).mkdir()
        job = spec(tmp_path / folder, text)
        run(scheduler, job)
        names.append(job.name)
    jobs = scheduler.jobs()
    assert set(names) <= jobs.keys()
    assert "theirs" not in jobs
    assert without_extension.jobs() == jobs


@pytest.mark.usefixtures("job_of_another")
def test_looks_at_running_jobs_load_the_account_s_alone(
    cluster: SlurmCluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    job = spec(tmp_path, "exec sleep 100")
    scheduler.submit(job)
    wait_for(lambda: scheduler.jobs()[job.name].state is JobState.RUNNING)
    before = calls(cluster)
    for _ in range(10):
        assert scheduler.jobs()[job.name].state is JobState.RUNNING
    scheduler.check()
    assert calls(cluster) - before == {"JOB_USER_INFO": 10}


def test_pending_jobs_load_the_whole_queue_once(
    cluster: SlurmCluster, looks: SlurmScheduler, tmp_path: Path
) -> None:
    blocker = spec(tmp_path / "blocker", "exec sleep 100", ranks=16, resources=Resources(partition="debug"))
    looks.submit(blocker)
    wait_for(lambda: looks.jobs()[blocker.name].state is JobState.RUNNING)
    job = spec(tmp_path, "true", ranks=16, resources=Resources(partition="debug"))
    looks.submit(job)
    wait_for(lambda: looks.jobs()[job.name].reason.startswith("waiting for 4 of 4 nodes"))
    before = calls(cluster)
    for _ in range(10):
        assert looks.jobs()[job.name].reason.startswith("waiting for 4 of 4 nodes")
    assert calls(cluster) - before == {"JOB_USER_INFO": 10}


@pytest.mark.parametrize(
    ("ranks", "partition", "nodes"), [(4, "debug,small", 1), (4, "small,debug", 1), (8, "debug,small", 2)]
)
def test_a_list_of_partitions_gets_no_more_nodes_than_one(
    scheduler: SlurmScheduler, tmp_path: Path, ranks: int, partition: str, nodes: int
) -> None:
    job = spec(tmp_path, NODES_OF_THE_JOB, ranks=ranks, resources=Resources(partition=partition))
    assert run(scheduler, job).state is JobState.SUCCEEDED
    assert set(out(job).split()) == {str(nodes)}


def test_memory_spreads_a_job_over_nodes(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    asked = Resources(partition="debug", memory_per_cpu_bytes=900 * 2**20)
    job = spec(tmp_path, NODES_OF_THE_JOB, ranks=4, resources=asked)
    assert run(scheduler, job).state is JobState.SUCCEEDED
    assert set(out(job).split()) == {"2"}


def test_a_job_waits_for_nodes_that_are_all_drained(
    cluster: SlurmCluster, looks: SlurmScheduler, tmp_path: Path
) -> None:
    cluster.command("scontrol", "update", "NodeName=n[1-4]", "State=DRAIN", "Reason=test")
    job = spec(tmp_path, NODES_OF_THE_JOB, ranks=8, resources=Resources(partition="debug"))
    try:
        looks.submit(job)
        wait_for(lambda: "node that it needs is down" in looks.jobs()[job.name].reason)
    finally:
        cluster.command("scontrol", "update", "NodeName=n[1-4]", "State=RESUME")
    wait_for(lambda: looks.jobs()[job.name].state is JobState.SUCCEEDED)
    assert set(out(job).split()) == {"2"}


@SITE_ONLY
@pytest.mark.parametrize(
    ("ranks", "partition", "drained", "nodes"),
    [
        (8, "mixed", "", 1),
        (12, "mixed", "", 2),
        (14, "mixed", "", 3),
        (8, "mixed,small", "", 2),
        (8, "mixed,small", "n5", 2),
        (6, "mixed", "n5", 2),
        (2, "big,thin", "", 1),
        (8, "big,thin", "", 1),
    ],
)
def test_unequal_nodes(  # noqa: PLR0917
    cluster: SlurmCluster,
    looks: SlurmScheduler,
    tmp_path: Path,
    ranks: int,
    partition: str,
    drained: str,
    nodes: int,
) -> None:
    if drained:
        cluster.command("scontrol", "update", f"NodeName={drained}", "State=DRAIN", "Reason=test")
    asked = Resources(partition=partition, memory_per_cpu_bytes=200 * 2**20)
    job = spec(tmp_path, NODES_OF_THE_JOB, ranks=ranks, resources=asked)
    try:
        assert run(looks, job).state is JobState.SUCCEEDED
    finally:
        if drained:
            cluster.resume(drained)
    assert set(out(job).split()) == {str(nodes)}
