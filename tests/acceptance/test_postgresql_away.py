"""PostgreSQL is away for a while in the middle of the work."""

from collections.abc import Iterator

import pytest

from hpc_gateway_commands.demo.stack import Stack, running_stack
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
