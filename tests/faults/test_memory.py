"""A pool process that the kernel ends for want of memory: its row is tried once more alone, then fails."""

import os
from collections.abc import Iterator

import psutil
import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.client import DATA, Client, Status, client_of
from tests.control_group import ControlGroup, memory_group
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import tree
from tests.faults.test_worker import MIB, WITHIN_S, is_of_a_pool, moving
from tests.gate import Gate
from tests.ordinary import ordinary_stack
from tests.polling import until


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack with longer leases: a control group without memory halts those that renew them as well."""
    with ordinary_stack(request, SETTINGS | {"GATEWAY_LEASE_S": "12"}, flower=False) as started:
        yield started


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected


@pytest.fixture
def group(client: Client) -> Iterator[ControlGroup]:
    """The group of all processes of the worker, whose pool processes are forked in it."""
    with memory_group(f"gateway-test-{os.getpid()}") as made:
        processes = tree(psutil.Process(client.stack.parts.pid("worker")))
        for process in processes:
            made.add(process)
        for process in filter(is_of_a_pool, processes):
            process.kill()  # their memory counts where they had it
        yield made


def _use_all(client: Client) -> None:
    """Let every pool process move a file, so that none of them is fresh."""
    for number in range(3):
        rows = [client.stage_in("small.bin", f"{DATA}/faults/small/{number}.{n}") for n in range(8)]
        assert {client.moved("/s3_data", row, WITHIN_S)["status"] for row in rows} == {"completed"}


def _mover(client: Client, gate: Gate, *others: psutil.Process) -> psutil.Process:
    """Return the pool process that reads from the gate."""
    port = gate.server_address[1]
    worker = psutil.Process(client.stack.parts.pid("worker"))

    def look() -> psutil.Process | None:
        for process in filter(is_of_a_pool, tree(worker)):
            reads = any(each.raddr and each.raddr.port == port for each in process.net_connections("tcp"))
            if reads and process not in others:
                return process
        return None

    return until("a process reads from the gate", look, WITHIN_S)


def _told(client: Client, row: Status) -> list[str]:
    events = client.http.get(f"/s3_data/{row['id']}/events").json()
    return [event["reason"] for event in events]


@pytest.mark.long  # a group without memory halts its processes: beside other tests the leases run out
def test_a_row_whose_process_dies_of_memory_is_tried_once_more_and_fails(
    client: Client, history: History, group: ControlGroup
) -> None:
    client.put("small.bin", b"x")
    _use_all(client)
    with Gate(client.stack.store.port, 8 * MIB) as gate, Gate(client.stack.store.port, 8 * MIB) as other:
        neighbour = moving(client, other, "neighbour.bin")
        accepted = moving(client, gate, "hungry.bin")
        first, used = _mover(client, gate), _forked(client)
        group.fill(first)
        second = _mover(client, gate, first)
        told = _told(client, accepted)
        assert "needed more memory than the system had left; it is tried once more, alone" in told
        assert second not in used
        group.fill(second)
        ended = client.moved("/s3_data", accepted, WITHIN_S)
        other.open()
        assert client.moved("/s3_data", neighbour, WITHIN_S)["status"] == "completed"
    assert (ended["state"], ended["attempt"]) == ("failed", 1)
    assert ended["reason"].startswith("needed more memory than the system had left, alone as well")
    assert not client.file(f"{DATA}/faults/hungry.bin").exists()
    assert history.of(neighbour) == ["accepted", "transferring", "completed"]
    good = client.stage_in("hungry.bin", f"{DATA}/faults/fed.bin")
    assert client.moved("/s3_data", good, WITHIN_S)["status"] == "completed"


def _forked(client: Client) -> list[psutil.Process]:
    return [each for each in tree(psutil.Process(client.stack.parts.pid("worker"))) if is_of_a_pool(each)]
