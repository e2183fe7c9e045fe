"""One stack on each database for all fault tests, with short leases; each test leaves it whole again."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.client import Client, client_of
from tests.conftest import its_database
from tests.faults.history import History
from tests.ordinary import ordinary_stack

HERE = Path(__file__).parent
RUNNING = ExitStack()  # the stack, which ends with the last test of this folder
SETTINGS = {
    "GATEWAY_LEASE_S": "4",
    "GATEWAY_SEND_AGAIN_S": "2",
    "GATEWAY_SWEEP_S": "0.5",
    "GATEWAY_ALLOWED_ENDPOINTS": "127.0.0.1",  # the tests' own servers, at any port
    "GATEWAY_WEBHOOK_HOSTS": "127.0.0.1",
}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    settings = SETTINGS | its_database(request)
    with RUNNING:
        yield RUNNING.enter_context(ordinary_stack(request, settings, flower=False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Generator[None]:
    """Stop a stack that no test needs any more: one that idles takes a sixth of a core."""
    yield
    if nextitem is not None and nextitem.path.parent != HERE:
        RUNNING.close()


@pytest.fixture(scope="session")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected


@pytest.fixture
def history(stack: Stack) -> History:
    return History(stack)
