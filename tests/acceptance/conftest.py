"""A really started stack on each database: queue, store, database, API, worker, beat, Flower."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.client import Client, client_of
from tests.collector import Collector, listening
from tests.conftest import its_database
from tests.ordinary import ordinary_stack

HERE = Path(__file__).parent
RUNNING = ExitStack()  # the stack, which ends with the last test of this folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep to one stack, and look for its leaks last, when everything else has left its traces."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, str, bool]:
    if item.path.parent != HERE:
        return (False, "", False)
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return (True, str(params.get("stack", "")), item.path.name == "test_leaks.py")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with listening() as found:
        yield found


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, collector: Collector) -> Iterator[Stack]:
    settings = {**collector.settings, **its_database(request), "GATEWAY_ALLOWED_ENDPOINTS": "127.0.0.1"}
    with RUNNING:
        yield RUNNING.enter_context(ordinary_stack(request, settings))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Generator[None]:
    """Stop a stack that no test needs any more: one that idles takes a quarter of a core."""
    yield
    if nextitem is not None and nextitem.path.parent != HERE:
        RUNNING.close()


@pytest.fixture(scope="session")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected
