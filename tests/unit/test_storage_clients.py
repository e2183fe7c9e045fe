"""Clients that are kept warm, for those alone who may have them."""

import time
from collections.abc import Iterator

import pytest

from gateway.settings import Settings
from gateway.storage import clients
from gateway.storage.address import Credentials, S3Address

ADDRESS = S3Address("http://127.0.0.1:1", "local", "bucket", "key")
OWNER = Credentials("access", "geheim")
SETTINGS = Settings()


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    clients.kept.clear()
    yield
    clients.kept.clear()


def test_one_that_was_given_back_is_lent_again_to_one_at_a_time() -> None:
    first = clients.lend(ADDRESS, OWNER, SETTINGS)
    assert clients.lend(ADDRESS, OWNER, SETTINGS) is not first
    clients.give_back(first)
    assert clients.lend(ADDRESS, OWNER, SETTINGS) is first


@pytest.mark.parametrize(
    ("address", "credentials", "settings"),
    [
        (S3Address("http://127.0.0.1:2", "local", "bucket", "key"), OWNER, SETTINGS),
        (S3Address("http://127.0.0.1:1", "eu", "bucket", "key"), OWNER, SETTINGS),
        (ADDRESS, Credentials("access", "other"), SETTINGS),
        (ADDRESS, OWNER, Settings(allowed_endpoints=["127.0.0.1"])),
    ],
)
def test_nobody_gets_anothers(address: S3Address, credentials: Credentials, settings: Settings) -> None:
    clients.give_back(first := clients.lend(ADDRESS, OWNER, SETTINGS))
    assert clients.lend(address, credentials, settings) is not first


def test_few_are_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    lent = [clients.lend(ADDRESS, OWNER, SETTINGS) for _ in range(clients.KEPT + 2)]
    for each in lent:
        clients.give_back(each)
    assert [each for _, each in clients.kept] == lent[2:]
    last = clients.lend(ADDRESS, Credentials("other", "key"), SETTINGS)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + clients.KEPT_S + 1)
    clients.give_back(last)
    assert [each for _, each in clients.kept] == [last]
