"""Ends of jobs on the real Slurm as the API tells them: by memory in three ways, by time, by an operator."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pytest

from tests.client import Client, Status
from tests.cluster.slurm_cluster import SITE_ONLY, SlurmCluster, place_long_input, service_on
from tests.polling import until

pytestmark = SITE_ONLY
MIB = 1 << 20
REMEDY = "request more with resources.memory_bytes, or use more ranks"


@dataclass(frozen=True)
class Site:
    """A cluster of the form `site` with its service."""

    cluster: SlurmCluster
    client: Client

    def start(self, read_input_data: str, service: str = "fft", **resources: int) -> Status:
        params: dict[str, Any] = {"read_input_data": read_input_data, "num_mpi_procs": 1}
        body = {"services": [service], "infrastructure": "demo", "params": params, "resources": resources}
        return self.client.post("/job", body | {"watch_period": 1})

    def end(self, read_input_data: str, within_s: float = 60, **resources: int) -> Status:
        return self.client.finished(self.start(read_input_data, "fft", **resources), within_s)


@pytest.fixture(scope="module", params=["cgroup", "poll"])
def site(
    request: pytest.FixtureRequest, cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    run, port = tmp_path_factory.mktemp("ends"), cluster.base_port + 100
    made = replace(cluster, run=run, base_port=port, memory_kill=request.param)
    made.act("start")
    try:
        with service_on(made, tmp_path_factory.mktemp("service")) as client:
            yield Site(made, client)
    finally:
        made.act("stop")


@pytest.fixture(scope="module")
def long_input(site: Site) -> str:
    return place_long_input(site.client)


def running(site: Site, read_input_data: str, **resources: int) -> Status:
    job = site.start(read_input_data, "kmean", **resources)
    return site.client.reaches("/job", job, {"running"})


def test_more_memory_than_slurm_grants(site: Site, long_input: str) -> None:
    """The interpreter with its libraries needs more: the cgroup, or Slurm's next look, ends the rank."""
    asked = 24 * MIB
    job = site.client.finished(site.start(long_input, "kmean", memory_bytes=asked))
    assert (job["status"], job["state"], job["success"]) == ("completed", "out_of_memory", False), job
    assert f"; it asked for {asked:,} bytes, and " in job["reason"]
    assert job["reason"].startswith("the job needed more memory than it was granted")
    assert job["reason"].endswith(REMEDY)
    peak = job["usage"]["accounting"]["resident_memory_bytes"]
    assert peak is None or f"that the scheduler measured was {peak:,}" in job["reason"]
    if site.cluster.memory_kill == "poll":
        assert f"bytes, where {asked:,} were allowed" in job["reason"]


def test_more_memory_than_a_rank_may_take_is_told_in_its_own_words(site: Site) -> None:
    table = site.client.place("wide.npy", b"")
    header = f"{{'descr': '|i1', 'fortran_order': False, 'shape': ({1 << 30}, 1)}}".ljust(117) + "\n"
    with site.client.file(f"serrano/data{table}").open("r+b") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        file.truncate(file.tell() + (1 << 30))
    job = site.end(table, memory_bytes=400 * MIB)
    assert (job["state"], job["exit_code"]) == ("out_of_memory", 3), job
    assert job["reason"].startswith("wide.npy: 1 signals of 1,073,741,824 samples take 8,589,934,592 bytes")
    assert job["reason"].endswith(REMEDY)


def test_a_kill_by_an_operator_is_no_lack_of_memory(site: Site, long_input: str) -> None:
    job = running(site, long_input)
    ended = until("the kill has ended it", lambda: _kill(site, job), period_s=2)
    assert (ended["state"], ended["exit_code"]) == ("failed", 137)
    assert ended["reason"].startswith("the job's processes were killed by SIGKILL: by an operator")


def _kill(site: Site, job: Status) -> Status | None:
    """Kill the ranks; Slurm drops a signal to a step that it is just starting."""
    site.cluster.command("scancel", "--signal=KILL", f"{job['scheduler_id']}.0", check=False)
    seen = site.client.get(f"/job/{job['id']}")
    return seen if seen["status"] == "completed" else None


def test_a_requeue_by_an_operator_ends_the_job_in_plain_words(site: Site, long_input: str) -> None:
    job = running(site, long_input)
    site.cluster.command("scontrol", "update", f"JobId={job['scheduler_id']}", "Requeue=1")
    site.cluster.command("scontrol", "requeuehold", job["scheduler_id"])
    ended = site.client.finished(job)
    site.cluster.command("scancel", job["scheduler_id"])
    assert ended["state"] == "failed"
    assert ended["reason"].startswith(
        "an operator of the cluster put the job back into the queue while it ran"
    )


def _stop(job: Status) -> bool:
    """Stop the rank, so that no machine is fast enough for the limit; tell whether there is one."""
    found = psutil.process_iter(["cmdline"])
    own = [process for process in found if job["id"] in " ".join(process.info["cmdline"] or ())]
    ranks = [process for process in own if "hpc_kernels" in process.info["cmdline"]]
    ranks = [process for process in ranks if "srun" not in process.info["cmdline"][0]]
    for rank in ranks:
        rank.suspend()
    return bool(ranks)


@pytest.mark.long
def test_the_time_limit(site: Site, long_input: str) -> None:
    job = running(site, long_input, time_limit_s=1)
    until("its rank is stopped", lambda: _stop(job))
    ended = site.client.finished(job, 200)
    assert ended["state"] == "timeout"
    assert "resources.time_limit_s" in ended["reason"]
