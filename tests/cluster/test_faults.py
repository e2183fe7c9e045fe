"""Slurm, munge and the filesystem fail under the started service: no job lost, doubled or mis-stated."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.client import Client, Status
from tests.cluster.slurm_cluster import SlurmCluster, service_on
from tests.polling import until

pytestmark = pytest.mark.long
OUTAGE_S = 30
# An answer of the API while something is broken; generous, for a machine that does other things as well.
ANSWER_S = 10.0
AFTERWARDS_S = 240.0
# A purge so early that Slurm has forgotten a job before anybody looked.
MIN_JOB_AGE_S = 2


@pytest.fixture(scope="module")
def forgetful(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    made = replace(
        cluster,
        run=tmp_path_factory.mktemp("forgetful"),
        min_job_age_s=MIN_JOB_AGE_S,
        base_port=cluster.base_port + 100,
    )
    made.act("start")
    yield made
    made.act("stop")


@pytest.fixture(scope="module")
def client(forgetful: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("faults")
    with shared_mounts(folder), service_on(forgetful, folder) as connected:
        yield connected


@contextmanager
def shared_mounts(folder: Path) -> Iterator[None]:
    """Let mounts below the folder be seen in the mount namespaces of the parts."""
    subprocess.run(["/bin/mount", "--bind", folder, folder], check=True)
    subprocess.run(["/bin/mount", "--make-shared", folder], check=True)
    yield
    subprocess.run(["/bin/umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def small(client: Client) -> str:
    return client.place("small.csv", b"a;b\n1;2\n3;4\n5;6\n")


@pytest.fixture(scope="module", autouse=True)
def warm(client: Client, small: str) -> None:
    """Have the kernels compiled and every process up before anything is broken."""
    assert client.finished(client.compute(["fft"], small, num_mpi_procs=1))["success"]


def break_for(seconds: float, client: Client, act: Callable[[], None]) -> None:
    """Keep something broken for a while; the API must answer all the time."""
    deadline = time.monotonic() + seconds
    act()
    while time.monotonic() < deadline:
        began = time.monotonic()
        assert client.http.get("/health/live").is_success
        assert client.http.get("/job?limit=1").is_success
        assert time.monotonic() - began < ANSWER_S
        time.sleep(0.2)


def all_succeed(client: Client, jobs: list[Status]) -> None:
    for job in jobs:
        ended = client.finished(job, AFTERWARDS_S)
        assert (ended["state"], ended["reason"]) == ("succeeded", "")
        own = client.file(ended["outputs"][0]["path"])
        assert own.stat().st_size == ended["outputs"][0]["bytes"]
        folders = list(own.parents[1].parent.glob(f"{job['id']}.*"))
        assert len(folders) == 1


def watch_names(cluster: SlurmCluster, seen: set[tuple[str, str]]) -> None:
    """Note every name and id that Slurm has known, for it forgets them soon."""
    lines = cluster.command("squeue", "-h", "-t", "all", "-o", "%j %i", check=False).splitlines()
    seen |= {(name, number) for name, number in (line.split() for line in lines)}


@pytest.mark.parametrize("how", ["stopped", "hung", "restarted"])
def test_the_controller(client: Client, forgetful: SlurmCluster, small: str, how: str) -> None:
    before = [client.compute(["fft"], small, num_mpi_procs=1) for _ in range(3)]
    during: list[Status] = []

    def outage() -> None:
        forgetful.kill("slurmctld", signal.SIGSTOP if how == "hung" else signal.SIGKILL)
        during.extend(client.compute(["fft"], small, num_mpi_procs=1) for _ in range(3))
        if how == "restarted":
            forgetful.act("controller")

    try:
        break_for(5 if how == "restarted" else OUTAGE_S, client, outage)
    finally:
        if how == "hung":
            forgetful.kill("slurmctld", signal.SIGCONT)
        elif how == "stopped":
            forgetful.act("controller")
    seen: set[tuple[str, str]] = set()
    for job in before + during:
        until("the job has ended", lambda j=job: _ended(client, j, forgetful, seen), AFTERWARDS_S)  # type: ignore[misc]
    all_succeed(client, before + during)
    ran = Counter(name for name, _ in seen)
    assert all(ran[f"{job['id']}.1"] <= 1 or how == "hung" for job in before + during), ran


def _ended(client: Client, job: Status, cluster: SlurmCluster, seen: set[tuple[str, str]]) -> bool:
    watch_names(cluster, seen)
    status: str = client.get(f"/job/{job['id']}")["status"]
    return status == "completed"


def test_munge_down(client: Client, forgetful: SlurmCluster, small: str) -> None:
    jobs = [client.compute(["fft"], small, num_mpi_procs=1)]

    def outage() -> None:
        forgetful.kill("munge", signal.SIGTERM)
        jobs.append(client.compute(["fft"], small, num_mpi_procs=1))

    try:
        break_for(15, client, outage)
    finally:
        forgetful.act("munge")
    all_succeed(client, jobs)


def test_forgotten_by_slurm_before_the_watcher_looked(
    client: Client, forgetful: SlurmCluster, small: str
) -> None:
    good = client.compute(["fft"], small, num_mpi_procs=1)
    bad = client.compute(["fft"], client.place("bad.csv", b"a\n1\nx\n"), num_mpi_procs=1)
    for job in (good, bad):
        client.reaches("/job", job, {"pending", "running"})
    watcher = _watcher_of(client.stack)
    os.kill(watcher, signal.SIGSTOP)
    try:
        until("Slurm has forgotten them", lambda: forgetful.names() == [], 180)
    finally:
        os.kill(watcher, signal.SIGCONT)
    all_succeed(client, [good])
    ended = client.finished(bad)
    assert (ended["state"], ended["exit_code"]) == ("failed", 2)


def _watcher_of(stack: Stack) -> int:
    for process in psutil.Process(stack.parts.pid("worker")).children():
        if process.name().startswith("watcher "):
            return process.pid
    raise AssertionError("there is no watcher")


def test_the_filesystem_full(client: Client, small: str) -> None:
    """No space where the jobs write: a plain failure with a reason, and later jobs run again."""
    place = client.stack.home / "serrano" / "data" / "Output_Data"
    options = f"size=64k,nr_inodes=200,uid={place.stat().st_uid}"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        (place / "ballast").write_bytes(bytes(60 * 1024))
        ended = client.finished(client.compute(["fft"], small, num_mpi_procs=1), AFTERWARDS_S)
        assert (ended["state"], ended["success"]) == ("failed", False)
        assert ended["reason"]
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(place)], check=True)
    all_succeed(client, [client.compute(["fft"], small, num_mpi_procs=1)])
