"""Stopping politely: what a worker holds is handed back at once, and a rolling restart loses nothing."""

import concurrent.futures
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE
from tests.client import DATA, Client, Status
from tests.databases import ON_POSTGRESQL, ON_SQLITE
from tests.faults.history import History
from tests.faults.test_worker import WITHIN_S, assert_run_once, moving
from tests.gate import Gate

MIB = 1 << 20
STOP_S = 60.0  # what systemd, Docker and Kubernetes wait or can be told to; here on a busy machine


def stop(client: Client, name: str) -> int:
    """Ask a part to stop and return its exit status."""
    child = client.stack.parts.hand_over(name)
    child.terminate()
    return child.wait(STOP_S)


def test_a_worker_that_is_stopped_hands_its_transfer_back(client: Client, history: History) -> None:
    with Gate(client.stack.store.port, 8 * MIB) as gate:
        accepted = moving(client, gate, "back.bin")
        assert stop(client, "worker") == 0
        assert not history.is_held(accepted)
        client.stack.start_worker()
        gate.open()
        ended = client.moved("/s3_data", accepted, WITHIN_S)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert client.file(f"{DATA}/faults/back.bin").read_bytes() == bytes(24 * MIB)
    assert history.of(accepted) == ["accepted", "transferring", "transferring", "transferring", "completed"]
    assert history.claims(accepted) == [0, 1, 1, 2, 2]
    told = [event["reason"] for event in client.http.get(f"/s3_data/{accepted['id']}/events").json()]
    assert "its worker was stopped; another one goes on where it was" in told


@contextmanager
def second(client: Client, name: str, *words: str) -> Iterator[str]:
    """Run one more of a part beside the stack's own."""
    argv = [sys.executable, "-m", "hpc_gateway_client", *words]
    client.stack.start(name, argv)
    try:
        yield name
    finally:
        stop(client, name)


WORKER = ("worker", INFRASTRUCTURE, "--housekeeping")


def batch_of(client: Client, prefix: str, transfers: int, jobs: int) -> tuple[list[Status], list[Status]]:
    path = client.place(f"{prefix}.csv", b"x\n1\n2\n3\n")
    for number in range(transfers):
        client.put(f"{prefix}/{number}", str(number).encode())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        moved = pool.map(lambda n: client.stage_in(f"{prefix}/{n}", f"{DATA}/{prefix}/{n}"), range(transfers))
        computed = pool.map(lambda _: client.compute(["fft"], path, num_mpi_procs=1), range(jobs))
        return list(moved), list(computed)


@ON_SQLITE
def test_two_workers_two_watchers_and_two_beats_do_nothing_twice(client: Client, history: History) -> None:
    with second(client, "worker-2", *WORKER), second(client, "beat-2", "beat"):
        transfers, jobs = batch_of(client, "doubled", transfers=30, jobs=4)
        assert all(client.moved("/s3_data", row)["status"] == "completed" for row in transfers)
        assert all(client.finished(job)["success"] for job in jobs)
    assert {tuple(history.of(row)) for row in transfers} == {("accepted", "transferring", "completed")}
    assert {tuple(history.claims(row)) for row in transfers} == {(0, 1, 1)}
    for job in jobs:
        assert_run_once(client, job)
        states = history.of(job)
        assert (states[0], states[-1], len(states)) == ("accepted", "succeeded", len(set(states)))


@ON_POSTGRESQL
@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_a_rolling_restart_under_load_loses_nothing(client: Client, history: History, rounds: int) -> None:
    transfers: list[Status] = []
    jobs: list[Status] = []
    for number in range(rounds):
        with second(client, "worker-2", *WORKER):
            accepted = batch_of(client, f"rolling-{rounds}-{number}", transfers=20, jobs=3)
            for name, start in (
                ("worker", client.stack.start_worker),
                ("beat", client.stack.start_beat),
                ("api", client.stack.start_api),
            ):
                assert stop(client, name) in {
                    0,
                    -signal.SIGTERM,
                }  # by the signal: uvicorn, and who just began
                start()
        transfers += accepted[0]
        jobs += accepted[1]
    for row in transfers:
        assert client.moved("/s3_data", row)["status"] == "completed"
        assert history.of(row).count("completed") == 1
    for job in jobs:
        assert client.finished(job)["success"]
        assert_run_once(client, job)
