"""The whole service on PostgreSQL: the workflow, many at once, and the database away for a while."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from gateway.demo.stack import Stack, running_stack
from tests import leaks
from tests.acceptance import test_workflow
from tests.client import DATA, Client, client_of
from tests.conftest import absent
from tests.faults.conftest import SETTINGS
from tests.gate import Gate
from tests.polling import until
from tests.postgres import Server, binaries, postgres

MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if binaries() is None:
        absent("PostgreSQL")
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def stack(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("postgresql") / "stack"
    settings = {**SETTINGS, "GATEWAY_DATABASE_URL": server.url}
    with running_stack(folder, print, flower=False, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected


def test_a_recording_goes_through_two_kernels_and_back(client: Client, tmp_path: Path) -> None:
    test_workflow.test_a_recording_goes_from_s3_through_two_kernels_back_to_s3(client, tmp_path)
    assert not (client.stack.folder / "gateway.db").exists()


def test_many_transfers_at_once_each_end_once(client: Client) -> None:
    for number in range(40):
        client.put(f"many/{number}", str(number).encode())
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda n: client.stage_in(f"many/{n}", f"{DATA}/many/{n}"), range(40)))
    for number, row in enumerate(rows):
        assert client.moved("/s3_data", row)["status"] == "completed"
        assert client.file(f"{DATA}/many/{number}").read_bytes() == str(number).encode()
        events = client.http.get(f"/s3_data/{row['id']}/events").json()
        assert [event["to_state"] for event in events] == ["accepted", "transferring", "completed"]


def test_neither_the_database_nor_a_file_holds_the_secret(client: Client, server: Server) -> None:
    dump = client.stack.folder / "dump.sql"
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection, dump.open("wb") as file:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as rows:
                file.writelines(rows)
    assert client.stack.store.url.encode() in dump.read_bytes()
    needles = leaks.spellings(client.stack.store.secret_key)
    assert leaks.in_files(client.stack.folder, needles) == [str(client.stack.store.folder / "accounts.json")]


def test_a_database_that_was_away_in_the_middle_of_a_transfer_finds_it_whole(
    client: Client, server: Server
) -> None:
    client.put("away.bin", bytes(24 * MIB))
    with Gate(client.stack.store.port, 8 * MIB) as gate:
        row = client.stage_in("away.bin", f"{DATA}/away.bin", endpoint=gate.url)
        until("bytes are counted", lambda: client.get(f"/s3_data/{row['id']}")["bytes_done"])
        server.stop()
        away = client.http.get(f"/s3_data/{row['id']}")
        assert (away.status_code, "retry-after" in away.headers) == (503, True)
        assert client.http.get("/health/ready").status_code == 503
        gate.open()
        server.start()
        ended = client.moved("/s3_data", row)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert client.file(f"{DATA}/away.bin").read_bytes() == bytes(24 * MIB)
