"""One really started stack for all acceptance tests: queue, store, database, API, worker, beat, Flower."""

from collections.abc import Iterator

import pytest

from gateway.demo.stack import Stack, running_stack
from tests.client import Client, client_of
from tests.collector import Collector, listening


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look for leaks last, when everything else has left its traces."""
    items.sort(key=lambda item: item.path.name == "test_leaks.py")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with listening() as found:
        yield found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("acceptance") / "stack"
    with running_stack(folder, print, settings=collector.settings) as running:
        yield running


@pytest.fixture(scope="session")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected
