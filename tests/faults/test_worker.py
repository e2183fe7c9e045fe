"""A worker that is killed, all of it or one of its processes: its rows end right, and once."""

import json

import psutil

from tests.client import DATA, Client, Status
from tests.faults.history import History
from tests.faults.killing import kill_part, tree
from tests.gate import Gate
from tests.jobs import attempts, frozen
from tests.polling import until

MIB = 1 << 20
# lease_s + sweep_s of this stack are 4.5 s; the rest is what a busy machine takes to start Python.
WITHIN_S = 40.0


def moving(client: Client, gate: Gate, name: str) -> Status:
    """Start a transfer that stands still in the middle."""
    client.put(name, bytes(24 * MIB))
    accepted = client.stage_in(name, f"{DATA}/faults/{name}", endpoint=gate.url)
    until("bytes are counted", lambda: client.get(f"/s3_data/{accepted['id']}")["bytes_done"])
    return accepted


def test_a_worker_killed_in_the_middle_of_a_transfer_costs_one_more_claim(
    client: Client, history: History
) -> None:
    with Gate(client.stack.store.port, 8 * MIB) as gate:
        accepted = moving(client, gate, "killed.bin")
        kill_part(client.stack, "worker")
        client.stack.start_worker()
        gate.open()
        ended = client.moved("/s3_data", accepted, WITHIN_S)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert client.file(f"{DATA}/faults/killed.bin").read_bytes() == bytes(24 * MIB)
    assert history.of(accepted) == ["accepted", "transferring", "transferring", "completed"]
    assert history.claims(accepted) == [0, 1, 2, 2]


def test_a_pool_process_killed_in_the_middle_of_a_transfer_costs_one_more_claim(
    client: Client, history: History
) -> None:
    with Gate(client.stack.store.port, 8 * MIB) as gate:
        accepted = moving(client, gate, "lost.bin")
        worker = psutil.Process(client.stack.parts.pid("worker"))
        for process in tree(worker):
            if process.is_running() and is_of_a_pool(process):
                process.kill()
        gate.open()
        ended = client.moved("/s3_data", accepted, WITHIN_S)
        assert worker.is_running()
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert history.of(accepted) == ["accepted", "transferring", "transferring", "completed"]


def is_of_a_pool(process: psutil.Process) -> bool:
    """A pool process is a fork of its Celery worker, and has its name."""
    try:
        parent = process.parent()
        return parent is not None and process.name().startswith("worker ") and parent.name() == process.name()
    except psutil.NoSuchProcess:  # it has ended since
        return False


def test_a_job_outlives_its_worker_and_ends_once(client: Client, history: History) -> None:
    job = client.compute(["fft"], client.place("outlive.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    with frozen(client, job) as script:
        kill_part(client.stack, "worker")
        assert script.is_running()
        client.stack.start_worker()
    ended = client.finished(job, WITHIN_S)
    assert (ended["success"], ended["attempt"]) == (True, 1), ended["reason"]
    assert history.of(job) == ["accepted", "submitting", "pending", "running", "succeeded"]
    assert_run_once(client, job)


def test_a_job_that_ends_while_no_worker_is_there_is_found(client: Client, history: History) -> None:
    job = client.compute(["fft"], client.place("alone.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    with frozen(client, job) as script:
        kill_part(client.stack, "worker")
    until("the job has ended", lambda: not script.is_running())
    assert client.get(f"/job/{job['id']}")["status"] == "running"
    client.stack.start_worker()
    assert client.finished(job, WITHIN_S)["success"]
    assert history.of(job)[-2:] == ["running", "succeeded"]
    assert_run_once(client, job)


def assert_run_once(client: Client, job: Status) -> None:
    """One attempt's folder, one job in the scheduler, one start and one end."""
    (folder,) = attempts(client, job)
    assert folder.name == f"{job['id']}.1"
    spooled = list((client.stack.home / ".hpc-gateway/spool/jobs").glob(f"*{job['id']}*"))
    assert len(spooled) == 1
    assert json.loads((folder / "exit.json").read_text())["exit_code"] == 0
