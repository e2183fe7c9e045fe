"""The real Slurm: what the gateway says of every kind of end, and of waiting."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import SchedulerError
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobReport, JobSpec, Resources, SubmittedJob
from gateway.schedulers.slurm.forgotten import ORPHAN_S
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from gateway.states import JobState
from tests.cluster.scheduler_process import scheduler_process
from tests.cluster.slurm_cluster import SlurmCluster
from tests.polling import until

GOING = {JobState.PENDING, JobState.RUNNING}


def spec(
    tmp_path: Path, text: str, *, ranks: int = 1, threads: int = 1, resources: Resources | None = None
) -> JobSpec:
    name = f"{tmp_path.name}.1"
    folder = tmp_path / name
    folder.mkdir(parents=True, exist_ok=True)
    command = ("/bin/bash", "-c", text)
    return JobSpec(name, folder, command, ranks, threads, "srun", {"A": "b c"}, resources or Resources())


@pytest.fixture(autouse=True)
def nothing_is_left(cluster: SlurmCluster) -> Iterator[None]:
    """Empty the queue, so that a test that fails does not take the next ones along."""
    yield
    cluster.empty()


def wait_for(condition: Callable[[], object], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def end_of(scheduler: SlurmScheduler, name: str, timeout_s: float = 120) -> JobReport:
    wait_for(lambda: scheduler.jobs()[name].state not in GOING, timeout_s)
    return scheduler.jobs()[name]


def run(scheduler: SlurmScheduler, job: JobSpec) -> JobReport:
    scheduler_id = scheduler.submit(job)
    end = end_of(scheduler, job.name)
    assert end.scheduler_id == scheduler_id
    return end


def submitted(job: JobSpec) -> SubmittedJob:
    return SubmittedJob(job.name, "", job.folder, datetime.now(UTC))


def out(job: JobSpec) -> str:
    return (job.folder / batch_script.STDOUT).read_text()


@pytest.mark.parametrize(("ranks", "threads", "nodes"), [(1, 1, 1), (4, 2, 2), (8, 1, 2), (4, 4, 4)])
def test_success_on_as_many_nodes_as_needed(
    scheduler: SlurmScheduler, tmp_path: Path, ranks: int, threads: int, nodes: int
) -> None:
    text = 'echo "$SLURM_PROCID/$SLURM_NTASKS $SLURM_CPUS_PER_TASK $SLURM_JOB_NUM_NODES $A"'
    job = spec(tmp_path, text, ranks=ranks, threads=threads)
    end = run(scheduler, job)
    assert (end.state, end.exit_code, end.reason) == (JobState.SUCCEEDED, 0, "")
    assert end.started_at is not None
    assert end.ended_at is not None
    lines = sorted(f"{rank}/{ranks} {threads} {nodes} b c" for rank in range(ranks))
    assert sorted(out(job).splitlines()) == lines


def test_nodes_as_asked(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, 'echo "$SLURM_JOB_NUM_NODES"', ranks=4, resources=Resources(nodes=4))
    assert run(scheduler, job).state is JobState.SUCCEEDED
    assert out(job) == "4\n" * 4


def test_failure(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    end = run(scheduler, spec(tmp_path, "exit 3", ranks=2))
    assert (end.state, end.exit_code, end.reason) == (JobState.FAILED, 3, "the job ended with exit code 3")


def test_a_killed_rank(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    end = run(scheduler, spec(tmp_path, "kill -KILL $$", ranks=2))
    assert (end.state, end.exit_code) == (JobState.FAILED, 137)


def is_alive(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path("/proc", pid, "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_cancelled_while_running(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "echo $$; exec sleep 100", ranks=2)
    scheduler_id = scheduler.submit(job)
    wait_for(lambda: (job.folder / batch_script.STDOUT).exists() and len(out(job).split()) == 2)
    scheduler.cancel(job.name, scheduler_id)
    scheduler.cancel(job.name, scheduler_id)
    end = end_of(scheduler, job.name)
    assert (end.state, end.reason) == (JobState.CANCELLED, "the job was cancelled on the cluster")
    wait_for(lambda: not any(is_alive(pid) for pid in out(job).split()), timeout_s=10)
    noted = attempt_record.read_exit(job.folder)
    assert noted is not None
    assert noted.signal == signal.SIGTERM
    scheduler.cancel(job.name, scheduler_id)
    assert scheduler.jobs()[job.name] == end


def test_cancelled_while_waiting(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    blocker = spec(tmp_path / f"{tmp_path.name}-blocker", "exec sleep 100", ranks=16)
    scheduler.submit(blocker)
    job = spec(tmp_path, "true")
    scheduler_id = scheduler.submit(job)
    scheduler.cancel(job.name, scheduler_id)
    assert end_of(scheduler, job.name).state is JobState.CANCELLED
    assert not (job.folder / batch_script.STARTED).exists()


@pytest.mark.parametrize("scheduler_id", ["", "0", "999999", "x", "-1", "1_1", "9" * 40, "²"])
def test_cancel_of_the_unknown(scheduler: SlurmScheduler, scheduler_id: str) -> None:
    scheduler.cancel("nobody.1", scheduler_id)


def test_cancel_of_an_id_that_another_job_has_now(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 1")
    scheduler_id = scheduler.submit(job)
    scheduler.cancel("another.1", scheduler_id)
    assert end_of(scheduler, job.name).state is JobState.SUCCEEDED


@pytest.mark.long
def test_out_of_time(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "exec sleep 200", resources=Resources(time_limit_s=30))
    scheduler.submit(job)
    end = end_of(scheduler, job.name, timeout_s=150)
    assert end.state is JobState.TIMEOUT
    assert "resources.time_limit_s" in end.reason
    told = scheduler.recall([submitted(job)])[job.name]
    assert told is not None
    assert told.state is JobState.TIMEOUT


def waits_because(scheduler: SlurmScheduler, job: JobSpec, words: str) -> None:
    """Wait for the reason: Slurm looks at one job after the other."""
    wait_for(lambda: scheduler.jobs()[job.name].reason.startswith(words))


def test_why_it_waits(scheduler: SlurmScheduler, cluster: SlurmCluster, tmp_path: Path) -> None:
    blocker = spec(
        tmp_path / f"{tmp_path.name}-blocker",
        "exec sleep 100",
        ranks=12,
        resources=Resources(time_limit_s=600),
    )
    scheduler.submit(blocker)
    wait_for(lambda: scheduler.jobs()[blocker.name].state is JobState.RUNNING)
    jobs = []
    for name, ranks in (("first", 16), ("second", 8), ("third", 8)):
        (tmp_path / name).mkdir()
        jobs.append(spec(tmp_path / name, "true", ranks=ranks))
        scheduler.submit(jobs[-1])
    waits_because(
        scheduler, jobs[0], "waiting for 3 of 4 nodes with 4 free CPUs each; Slurm expects to start"
    )
    for number in (1, 2):
        ahead = "1 job is ahead" if number == 1 else "2 jobs are ahead"
        waits_because(scheduler, jobs[number], f"waiting: jobs of higher priority are ahead; {ahead}")
    figures = {partition.name: partition for partition in scheduler.partitions()}
    assert (figures["debug"].running_jobs, figures["debug"].queued_jobs) == (1, 3)
    assert (figures["debug"].avail_cpus, figures["small"].avail_cpus) == (4, 0)
    cluster.command("scontrol", "hold", scheduler.jobs()[jobs[1].name].scheduler_id)
    assert "held" in scheduler.jobs()[jobs[1].name].reason


@pytest.mark.parametrize(
    ("ranks", "resources", "words"),
    [
        (17, Resources(), "node configuration is not available"),
        (1, Resources(partition="nowhere"), "partition"),
        (1, Resources(nodes=9), "."),
    ],
)
def test_impossible_requests(
    scheduler: SlurmScheduler, tmp_path: Path, ranks: int, resources: Resources, words: str
) -> None:
    with pytest.raises(SchedulerError, match=words) as refused:
        scheduler.submit(spec(tmp_path, "true", ranks=ranks, resources=resources))
    assert not refused.value.transient


def test_nothing_of_the_environment_gets_there(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = spec(tmp_path, "cat /proc/$PPID/environ; env -0")
    with scheduler_process(cluster, {"GATEWAY_SECRET": "hidden", "OTHER": "hidden"}) as scheduler:
        assert run(scheduler, job).state is JobState.SUCCEEDED
    assert "hidden" not in out(job)


def test_a_folder_with_awkward_letters(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    folder = tmp_path / "%j 'x' $(touch pwned) é"
    folder.mkdir()
    job = spec(folder, "pwd")
    assert run(scheduler, job).state is JobState.SUCCEEDED
    assert out(job) == f"{job.folder}\n"


def test_a_name_submitted_twice_runs_once(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "echo once; sleep 2")
    ids = [scheduler.submit(job), scheduler.submit(job), scheduler.submit(job)]
    end = end_of(scheduler, job.name)
    assert end.state is JobState.SUCCEEDED
    assert end.scheduler_id in ids
    wait_for(lambda: scheduler.jobs()[job.name] == end)
    time.sleep(1)
    assert scheduler.jobs()[job.name] == end
    assert out(job) == "once\n"


def test_a_late_copy_is_not_the_truth(
    scheduler: SlurmScheduler, cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = spec(tmp_path, "exit 4")
    end = run(scheduler, job)
    late = scheduler.submit(job)
    wait_for(lambda: late not in cluster.command("squeue", "-h", "-o", "%i").split())
    assert scheduler.jobs()[job.name] == end
    assert scheduler.find(submitted(job)) == end


def test_unknown_to_slurm(scheduler: SlurmScheduler, tmp_path: Path) -> None:
    assert scheduler.find(submitted(spec(tmp_path, "true"))) is None


def test_forgotten_without_an_exit_file(
    scheduler: SlurmScheduler, cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = spec(tmp_path, "exit 4")
    run(scheduler, job)
    (job.folder / batch_script.EXIT).unlink()
    told = until("it is judged", lambda: scheduler.recall([submitted(job)]).get(job.name), ORPHAN_S + 10)
    if cluster.form == "plain":
        assert told.state is JobState.LOST
        assert "left no exit file" in told.reason
    else:
        assert (told.state, told.exit_code) == (JobState.FAILED, 4)


def test_telemetry_with_drained_and_down_nodes(scheduler: SlurmScheduler, cluster: SlurmCluster) -> None:
    def free() -> dict[str, tuple[int, int]]:
        return {p.name: (p.avail_nodes, p.avail_cpus) for p in scheduler.partitions()}

    total = {p.name: (p.total_nodes, p.total_cpus) for p in scheduler.partitions()}
    assert (total["debug"], total["small"]) == ((4, 16), (2, 8))
    assert (free()["debug"], free()["small"]) == ((4, 16), (2, 8))
    cluster.command("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=test")
    cluster.command("scontrol", "update", "NodeName=n4", "State=DOWN", "Reason=test")
    try:
        assert (free()["debug"], free()["small"]) == ((2, 8), (1, 4))
    finally:
        cluster.command("scontrol", "update", "NodeName=n1,n4", "State=RESUME")
