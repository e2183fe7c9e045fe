"""Two owners on one stack: the work of one begins while that of the other holds and awaits every slot."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpc_gateway_commands.demo.stack import running_stack
from tests.client import DATA, INPUTS, Client, Status, client_of
from tests.conftest import its_database
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.gate import Gate
from tests.machine_code import give_machine_code
from tests.owners import acting_as
from tests.polling import until
from workers.lease_keeper import YIELDS

MIB = 1 << 20
SLOTS = 4
SLOW = 50
FILES = 1000
WITHIN_S = 120.0
FORWARD = {"accepted", "transferring"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("fairness") / "stack"
    settings = {**SETTINGS, "GATEWAY_AUTH": "keys", "GATEWAY_READ_TIMEOUT_S": "600"} | its_database(request)
    with (
        running_stack(folder, print, flower=False, settings=settings) as running,
        client_of(running) as connected,
    ):
        give_machine_code(running)
        yield connected


@pytest.fixture(scope="module")
def owners(client: Client) -> Iterator[tuple[Client, Client]]:
    with acting_as(client, "ada") as ada, acting_as(client, "bob") as bob:
        client.put("first", b"x\n1\n2\n")
        ada.moved("/s3_data", ada.stage_in("first", "first"))  # the worker and its watcher are there
        yield ada, bob


def _slow_transfers(owner: Client, gate: Gate, name: str) -> list[Status]:
    """Begin many downloads from a server that stops in the middle."""
    owner.put(name, bytes(9 * MIB))

    def begin(number: int) -> Status:
        return owner.stage_in(name, f"{name}/{number}", endpoint=gate.url)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(begin, range(SLOW)))


def _states(owner: Client, rows: list[Status]) -> list[str]:
    return [owner.get(f"/s3_data/{row['id']}")["state"] for row in rows]


def _does_all_its_work(owner: Client, name: str) -> None:
    """Stage an input in, compute, and stage the result out."""
    owner.put(name, b"x\n1\n2\n3\n")
    staged = owner.stage_in(name, f"{DATA}/{INPUTS}/{name}")
    assert owner.moved("/s3_data", staged, WITHIN_S)["status"] == "completed"
    job = owner.finished(owner.compute(["fft"], f"/{INPUTS}/{name}", num_mpi_procs=1), WITHIN_S)
    assert job["success"]


def test_one_owner_works_while_slow_servers_hold_every_slot(owners: tuple[Client, Client]) -> None:
    ada, bob = owners
    history = History(ada.stack)
    with Gate(ada.stack.store.port, MIB) as gate:
        slow = _slow_transfers(ada, gate, "slow")
        until("all slots are held", lambda: _states(ada, slow).count("transferring") >= SLOTS, WITHIN_S)
        _does_all_its_work(bob, "during.csv")
        assert set(_states(ada, slow)) <= FORWARD, "all of them are unfinished, and none has failed"
        gate.open()
        ended = [ada.moved("/s3_data", row, WITHIN_S) for row in slow]
    assert {(row["status"], row["attempt"]) for row in ended} == {("completed", 1)}
    assert {history.of(row).count("completed") for row in slow} == {1}
    told = [event["reason"] for row in slow for event in ada.http.get(f"/s3_data/{row['id']}/events").json()]
    assert YIELDS in told
    assert "retrying" not in {state for row in slow for state in history.of(row)}


def test_one_owner_works_while_many_small_files_wait(owners: tuple[Client, Client]) -> None:
    ada, bob = owners
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ada.put(f"many/f{n}", bytes(4096)), range(FILES)))
    with Gate(ada.stack.store.port, MIB) as gate:
        parent = ada.stage_in("many/", "many", endpoint=gate.url)

        def all_held() -> bool:
            counts = ada.get(f"/s3_data/{parent['id']}")["children"] or {}
            return bool(counts.get("transferring", 0) >= SLOTS)

        until("files are under way", all_held, WITHIN_S)
        _does_all_its_work(bob, "beside.csv")
        assert ada.get(f"/s3_data/{parent['id']}")["state"] == "transferring"
        gate.open()
        ended = ada.moved("/s3_data", parent, WITHIN_S)
    assert (ended["status"], ended["children"]) == ("completed", {"completed": FILES})
    assert History(ada.stack).good_ends(parent) == [1] * FILES


def test_turns_survive_a_killed_worker_and_a_queue_without_its_data(
    owners: tuple[Client, Client],
) -> None:
    ada, bob = owners
    with Gate(ada.stack.store.port, MIB) as gate:
        slow = _slow_transfers(ada, gate, "killed")
        until("all slots are held", lambda: _states(ada, slow).count("transferring") >= SLOTS, WITHIN_S)
        kill_part(ada.stack, "worker")
        kill_part(ada.stack, "valkey")
        ada.stack.start_queue()
        ada.stack.start_worker()
        _does_all_its_work(bob, "after.csv")
        assert not {"completed", "failed"} & set(_states(ada, slow))
        gate.open()
        ended = [ada.moved("/s3_data", row, WITHIN_S) for row in slow]
    assert {row["status"] for row in ended} == {"completed"}
