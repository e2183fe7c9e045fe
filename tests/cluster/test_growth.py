"""The real Slurm: options of resources reach it, its own limits are told, a job that ends by time grows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from gateway.errors import SchedulerError
from gateway.schedulers import batch_script
from gateway.schedulers.base import JobSpec, Resources, RunLimits
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from gateway.states import JobState
from tests.client import Client, Status
from tests.cluster.slurm_cluster import SITE_ONLY, USER, SlurmCluster, service_on
from tests.ordinary import own
from tests.polling import until
from tests.running_jobs import KERNEL

# The first run of a job outlasts every limit of the test, and the next one ends at once.
FIRST_RUN_LASTS = KERNEL.replace("\n", "\n[[ ${@: -1} != *.1/job.json ]] || exec sleep 600\n", 1)

# `tail` keeps the one line that it reads.
HUNGRY = 'head -c 600M /dev/zero | tail -n 1 | wc -c\n[ "${PIPESTATUS[1]}" = 0 ] || exit 137\n'
TAKES_600_MIB = KERNEL.replace("\n", f"\n{HUNGRY}", 1)
MIB = 1 << 20


def spec(tmp_path: Path, **resources: str | int) -> JobSpec:
    name = f"{uuid4()}.1"
    folder = tmp_path / name
    folder.mkdir()
    own(folder)
    asked = Resources(**resources)  # type: ignore[arg-type]  # each test names its own
    return JobSpec(name, folder, ("/bin/sleep", "100"), 1, 1, "srun", resources=asked)


@pytest.fixture
def reservation(cluster: SlurmCluster) -> Iterator[str]:
    place = ("Nodes=n4", "StartTime=now", "Duration=60", f"Users={USER}")
    cluster.command("scontrol", "create", "reservation", "ReservationName=course", *place)
    yield "course"
    cluster.command("scontrol", "delete", "ReservationName=course", check=False)


def test_a_reservation_is_used(
    scheduler: SlurmScheduler, cluster: SlurmCluster, reservation: str, tmp_path: Path
) -> None:
    job = spec(tmp_path, reservation=reservation)
    number = scheduler.submit(job)
    try:
        assert "Reservation=course" in cluster.command("scontrol", "show", "job", number)
    finally:
        scheduler.cancel(job.name, number)


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


def limits_of(scheduler: SlurmScheduler, job: JobSpec) -> RunLimits:
    """Run a job, cancel it, and return the limits in the report on its end."""
    number = scheduler.submit(job)
    until("its script has started", (job.folder / batch_script.STARTED).exists, 60)
    scheduler.cancel(job.name, number)
    until("it has ended", lambda: scheduler.jobs()[job.name].state is JobState.CANCELLED, 60)
    return scheduler.jobs()[job.name].limits


@pytest.mark.parametrize("cluster", ["plain"], indirect=True)
@pytest.mark.parametrize(
    ("resources", "limits"),
    [
        ({"partition": "small"}, RunLimits(600, None)),
        ({"time_limit_s": 61}, RunLimits(120, None)),
        ({"memory_per_cpu_bytes": 100 * MIB - 1, "time_limit_s": 60}, RunLimits(60, 100 * MIB)),
    ],
)
def test_an_end_tells_the_limits_that_slurm_enforced(
    scheduler: SlurmScheduler, tmp_path: Path, resources: dict[str, str | int], limits: RunLimits
) -> None:
    assert limits_of(scheduler, spec(tmp_path, **resources)) == limits


@contextmanager
def service_with(cluster: SlurmCluster, kernel: str, folder: Path) -> Iterator[Client]:
    """Run the service on the cluster with a script in place of the kernels' interpreter."""
    path = folder / "kernel"
    path.write_text(kernel)
    path.chmod(0o755)
    with service_on(cluster, folder, path) as connected:
        yield connected


def run(client: Client, **resources: object) -> tuple[Status, list[str]]:
    """Return the ended job and the reasons of its growths."""
    body = {
        "services": ["fft"],
        "infrastructure": "demo",
        "params": {"read_input_data": client.place("any.csv", b"x\n1\n"), "num_mpi_procs": 1},
        "watch_period": 1,
        "resources": resources,
    }
    ended = client.finished(client.post("/job", body), 240)
    events = cast("list[Status]", client.get(f"/job/{ended['id']}/events"))
    return ended, [event["reason"] for event in events if event["to_state"] == "retrying"]


@pytest.mark.long
def test_a_job_that_ends_by_time_runs_again_with_twice_of_it(cluster: SlurmCluster, tmp_path: Path) -> None:
    with service_with(cluster, FIRST_RUN_LASTS, tmp_path) as client:
        ended, [told] = run(client, time_limit_s=30, grow=True)
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1), ended["reason"]
    assert ended["resources"]["time_limit_s"] == 120, "Slurm made the 30 s one minute"
    assert told.startswith("run again with resources.time_limit_s 120 in place of 60: ")
    runs = [name for name in cluster.names() if name.startswith(ended["id"])]
    assert sorted(runs) == [f"{ended['id']}.1", f"{ended['id']}.2"]


@pytest.fixture(scope="module")
def site(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Run the service on a cluster that grants 480 MiB a CPU by default and ends jobs that take more."""
    with service_with(cluster, TAKES_600_MIB, tmp_path_factory.mktemp("growth")) as connected:
        yield connected


@SITE_ONLY
@pytest.mark.parametrize(
    ("asked", "figures"), [(None, [(960, 480)]), (200, [(400, 200), (800, 400)])], ids=["default", "asked"]
)
def test_a_job_that_ends_by_memory_runs_again_with_twice_of_it(
    site: Client, asked: int | None, figures: list[tuple[int, int]]
) -> None:
    ended, told = run(site, grow=True, **({"memory_bytes": asked * MIB} if asked else {}))
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1), ended["reason"]
    words = [
        f"run again with resources.memory_bytes {new * MIB} in place of {had * MIB}: " for new, had in figures
    ]
    assert [reason.partition(": ")[0] + ": " for reason in told] == words


@SITE_ONLY
def test_two_growths_that_do_not_suffice_are_the_end(site: Client) -> None:
    ended, told = run(site, grow=True, memory_bytes=100 * MIB)
    assert (ended["state"], ended["success"], len(told)) == ("out_of_memory", False, 2)
    assert ended["reason"].endswith(
        "not run again: this attempt has grown 2 times already; retry it with more"
    )


@SITE_ONLY
def test_no_growth_without_a_request(site: Client) -> None:
    ended, told = run(site)
    assert (ended["state"], told) == ("out_of_memory", [])
