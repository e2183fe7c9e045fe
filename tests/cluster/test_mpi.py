"""Ranks that srun connects through MPI: the labels of one rank, and no hang when one of them ends badly."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from tests.client import Client, Status
from tests.polling import until

GUNPOINT = Path(__file__).parents[1] / "kernels/data/gunpoint/train.csv"
LONG = {"cluster_number": 3, "max_iterations": 1000, "epsilon_criteria": 1e-300}


def post(client: Client, content: bytes, ranks: int, nodes: int, **kmean: Any) -> Status:
    body = {
        "services": ["kmean"],
        "infrastructure": "demo",
        "params": {
            "read_input_data": client.place("signals.csv", content),
            "num_mpi_procs": ranks,
            "kmean": kmean,
        },
        "watch_period": 1,
        "resources": {"nodes": nodes},
    }
    return client.post("/job", body)


def log(client: Client, job: Status, stream: str) -> str:
    text: str = client.get(f"/job/{job['id']}/log?stream={stream}")["text"]
    return text


def test_ranks_on_several_nodes_find_the_labels_of_one(client: Client) -> None:
    labels, ways = set(), []
    for ranks, nodes in ((1, 1), (4, 2), (8, 4)):
        job = client.finished(post(client, GUNPOINT.read_bytes(), ranks, nodes, cluster_number=3))
        assert (job["state"], job["reason"]) == ("succeeded", "")
        labels.add(client.file(job["outputs"][0]["path"]).read_bytes())
        ways.append(json.loads(log(client, job, "stdout"))["exchange"])
    assert ways == ["files", "mpi", "mpi"]
    assert len(labels) == 1


def test_bad_input_is_one_line(client: Client) -> None:
    job = client.finished(post(client, b"a;b\n1;x\n", 4, 2))
    assert (job["state"], job["exit_code"]) == ("failed", 2)
    found = "signals.csv: row 2, column 2 ('b'): expected a finite number, found 'x'"
    assert job["reason"] == f"{found}; leave the column out with params.table.skip"


def test_a_killed_rank_ends_the_job(client: Client) -> None:
    rows = [";".join(str(i * j * 7919 % 1009) for i in range(1, 241)) for j in range(1, 2001)]
    table = "\n".join([";".join(f"s{i}" for i in range(240)), *rows, ""])
    job = post(client, table.encode(), 4, 2, **LONG)
    ranks: list[psutil.Process] = []

    def connected() -> bool:
        ranks[:] = [process for process in psutil.process_iter() if is_connected_rank(process, job["id"])]
        return len(ranks) == 4

    until("all ranks have MPI", connected)
    shared = {word for rank in ranks for word in maps(rank).split() if "/mpich_shm_" in word}
    os.kill(ranks[2].pid, signal.SIGKILL)
    until("no rank is left", lambda: not any(rank.is_running() for rank in ranks), 20)
    for segment in shared:  # what MPICH leaves when it is killed
        Path(segment).unlink(missing_ok=True)
    ended = client.finished(job)
    assert (ended["state"], ended["success"], ended["outputs"]) == ("failed", False, [])


def is_connected_rank(process: psutil.Process, job_id: str) -> bool:
    try:
        command = process.cmdline()
        return (
            command[1:5] == ["-I", "-m", "hpc_kernels", "run"]
            and job_id in command[5]
            and "libmpi" in maps(process)
        )
    except (psutil.Error, OSError):
        return False


def maps(process: psutil.Process) -> str:
    return Path(f"/proc/{process.pid}/maps").read_text()
