"""The real Slurm: options of resources reach it, its own limits are told, a job that ends by time grows."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from gateway.errors import SchedulerError
from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.client import SlurmScheduler
from tests.client import Client, Status
from tests.cluster.slurm_cluster import SlurmCluster, service_on
from tests.running_jobs import KERNEL

# The first run of a job outlasts every limit of the test, and the next one ends at once.
FIRST_RUN_LASTS = KERNEL.replace("\n", "\n[[ ${@: -1} != *.1/job.json ]] || exec sleep 600\n", 1)


def spec(tmp_path: Path, **resources: str | int) -> JobSpec:
    name = f"{uuid4()}.1"
    folder = tmp_path / name
    folder.mkdir()
    asked = Resources(**resources)  # type: ignore[arg-type]  # each test names its own
    return JobSpec(name, folder, ("/bin/sleep", "100"), 1, 1, "srun", resources=asked)


@pytest.fixture
def reservation(cluster: SlurmCluster) -> Iterator[str]:
    place = ("Nodes=n4", "StartTime=now", "Duration=60", "Users=root")
    cluster.command("scontrol", "create", "reservation", "ReservationName=course", *place)
    yield "course"
    cluster.command("scontrol", "delete", "ReservationName=course", check=False)


def test_a_reservation_is_used(
    scheduler: SlurmScheduler, cluster: SlurmCluster, reservation: str, tmp_path: Path
) -> None:
    number = scheduler.submit(spec(tmp_path, reservation=reservation))
    try:
        assert "Reservation=course" in cluster.command("scontrol", "show", "job", number)
    finally:
        scheduler.cancel(number)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"reservation": "nothing"}, "reservation"),
        ({"constraint": "nothing"}, "feature"),
        ({"gres": "nothing:2"}, "gres"),
    ],
)
def test_slurm_knows_the_option_and_refuses_the_value(
    scheduler: SlurmScheduler, tmp_path: Path, resources: dict[str, str], words: str
) -> None:
    with pytest.raises(SchedulerError, match=f"(?i){words}") as refused:
        scheduler.submit(spec(tmp_path, **resources))
    assert not refused.value.transient


@pytest.mark.parametrize(
    ("resources", "time_limit_s"),
    [({"partition": "small"}, 600), ({"time_limit_s": 61}, 120), ({"partition": "debug"}, None)],
)
def test_the_limit_that_slurm_enforces_is_told(
    scheduler: SlurmScheduler, tmp_path: Path, resources: dict[str, str | int], time_limit_s: int | None
) -> None:
    job = spec(tmp_path, **resources)
    number = scheduler.submit(job)
    try:
        assert scheduler.jobs()[job.name].limits.time_limit_s == time_limit_s
    finally:
        scheduler.cancel(number)


@pytest.mark.parametrize("memory", [None, 100 * 2**20 - 1])
def test_the_memory_that_slurm_grants_is_told(
    scheduler: SlurmScheduler, tmp_path: Path, memory: int | None
) -> None:
    job = spec(tmp_path, **({"memory_per_cpu_bytes": memory} if memory else {}))
    number = scheduler.submit(job)
    try:
        found = scheduler.jobs()[job.name].limits.memory_per_cpu_bytes
        assert found == (memory and 100 * 2**20)
    finally:
        scheduler.cancel(number)


@pytest.fixture
def client(cluster: SlurmCluster, tmp_path: Path) -> Iterator[Client]:
    kernel = tmp_path / "kernel"
    kernel.write_text(FIRST_RUN_LASTS)
    kernel.chmod(0o755)
    with service_on(cluster, tmp_path, kernel) as connected:
        yield connected


@pytest.mark.long
def test_a_job_that_ends_by_time_runs_again_with_twice_of_it(client: Client, cluster: SlurmCluster) -> None:
    job = client.post(
        "/job",
        {
            "services": ["fft"],
            "infrastructure": "demo",
            "params": {"read_input_data": client.place("any.csv", b"x\n1\n"), "num_mpi_procs": 1},
            "watch_period": 1,
            "resources": {"time_limit_s": 30, "grow": True},
        },
    )
    ended = client.finished(job, 240)
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1), ended["reason"]
    assert ended["resources"]["time_limit_s"] == 120, "Slurm made the 30 s one minute"
    events = cast("list[Status]", client.get(f"/job/{job['id']}/events"))
    told = [event["reason"] for event in events if event["to_state"] == "retrying"]
    [reason] = told
    assert reason.startswith("run again with resources.time_limit_s 120 in place of 60: ")
    assert sorted(name for name in cluster.names() if name.startswith(job["id"])) == [
        f"{job['id']}.1",
        f"{job['id']}.2",
    ]
