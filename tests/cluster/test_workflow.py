"""The whole service on a real Slurm: the public API, the queue, a worker, four nodes."""

import numpy as np
import pytest

from tests.client import Client, Status, recording
from tests.cluster.slurm_cluster import SlurmCluster
from tests.polling import until


@pytest.fixture(scope="module")
def long_input(client: Client) -> str:
    """Return an input on which `kmean` warps for many seconds."""
    signals = np.random.default_rng(0).standard_normal((16000, 200)).round(3).tolist()
    rows = [";".join(map(str, row)) for row in signals]
    header = ";".join(f"s{i}" for i in range(200))
    return client.place("long.csv", "\n".join([header, *rows]).encode())


def post(
    client: Client, read_input_data: str, resources: dict[str, object], service: str = "fft", **params: int
) -> Status:
    body = {
        "services": [service],
        "infrastructure": "demo",
        "params": {"read_input_data": read_input_data, **params},
        "watch_period": 1,
        "resources": resources,
    }
    return client.post("/job", body)


def test_four_ranks_on_two_and_four_nodes_give_the_bytes_of_one(client: Client) -> None:
    client.put("recording.csv", recording())
    client.moved("/s3_data", client.stage_in("recording.csv", "serrano/data/Init_Data/r.csv"))
    outputs = []
    for ranks, nodes in ((1, 1), (4, 2), (4, 4)):
        job = client.finished(post(client, "/Init_Data/r.csv", {"nodes": nodes}, num_mpi_procs=ranks))
        assert (job["state"], job["reason"]) == ("succeeded", "")
        assert job["resources"]["nodes"] == nodes
        assert job["usage"]["cpus_requested"] == ranks
        outputs.append(client.file(job["outputs"][0]["path"]).read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]
    sent = client.moved("/s3_result", client.stage_out(job["outputs"][0]["path"], "spectrum.csv"))
    assert sent["status"] == "completed"
    assert client.stored("spectrum.csv") == outputs[0]


def test_a_failing_kernel_says_why(client: Client) -> None:
    job = client.finished(client.compute(["fft"], client.place("bad.csv", b"a\n1\nx\n"), num_mpi_procs=2))
    assert (job["state"], job["success"], job["exit_code"]) == ("failed", False, 2)
    assert "bad.csv" in job["reason"]
    assert "row" in job["reason"]
    log = client.get(f"/job/{job['id']}/log?stream=stderr")
    assert job["reason"] in log["text"]


def test_cancelled_while_running_and_while_waiting(
    client: Client, cluster: SlurmCluster, long_input: str
) -> None:
    running = post(client, long_input, {}, "kmean", num_mpi_procs=16)
    client.reaches("/job", running, {"running"})
    waiting = post(client, long_input, {}, "kmean", num_mpi_procs=16)

    def told() -> bool:
        reason: str = client.get(f"/job/{waiting['id']}")["reason"]
        return "of 4 nodes with 4 free CPUs each" in reason

    until("the reason is in plain words", told)
    for job in (waiting, running):
        client.http.post(f"/job/{job['id']}/cancel").raise_for_status()
        ended = client.finished(job)
        assert (ended["state"], ended["success"]) == ("cancelled", False)
        assert client.http.post(f"/job/{job['id']}/cancel").status_code == 409
    until("Slurm's queue is empty", lambda: cluster.command("squeue", "-h") == "")


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"partition": "gpu"}, "not among debug, small"),
        ({"nodes": 5}, "resources.nodes"),
        ({"time_limit_s": 601}, "600"),
        ({"gpus": 1}, "gpus"),
    ],
)
def test_above_the_ceiling(client: Client, resources: dict[str, object], words: str) -> None:
    body = {"services": ["fft"], "infrastructure": "demo", "params": {"read_input_data": "/x.csv"}}
    answer = client.http.post("/job", json={**body, "resources": resources, "watch_period": 1})
    assert answer.status_code == 400
    assert words in answer.text


def test_what_slurm_refuses_ends_with_its_words(client: Client) -> None:
    job = client.finished(post(client, "/x.csv", {"partition": "small", "nodes": 4}, num_mpi_procs=4))
    assert job["state"] == "failed"
    assert job["reason"].startswith("Slurm refused: ")


def test_telemetry_of_now(client: Client) -> None:
    telemetry = client.get("/infrastructure/demo/telemetry")
    figures = {partition["name"]: partition for partition in telemetry["partitions"]}
    assert (figures["debug"]["total_nodes"], figures["debug"]["total_cpus"]) == (4, 16)
    assert (figures["small"]["total_nodes"], figures["small"]["total_cpus"]) == (2, 8)


def test_a_lost_node(client: Client, cluster: SlurmCluster, long_input: str) -> None:
    job = post(client, long_input, {}, "kmean", num_mpi_procs=1)
    client.reaches("/job", job, {"running"})
    scheduler_id = client.get(f"/job/{job['id']}")["scheduler_id"]
    node = cluster.command("squeue", "-h", "-j", scheduler_id, "-o", "%N").strip()
    cluster.command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    try:
        ended = client.finished(job)
        assert (ended["state"], ended["success"]) == ("node_failure", False)
        assert "node" in ended["reason"]
    finally:
        cluster.resume(node)
