"""Idle store sessions: reused for the same store, account and settings alone."""

import time
from collections.abc import Iterator

import pytest

from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3 import clients

ADDRESS = S3Address("http://127.0.0.1:1", "local", "bucket", "key")
OWNER = Credentials("access", "geheim")
SETTINGS = Settings()


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    clients.idle_sessions.clear()
    yield
    clients.idle_sessions.clear()


def test_one_that_was_given_back_is_lent_again_to_one_at_a_time() -> None:
    first = clients.borrow_session(ADDRESS, OWNER, SETTINGS)
    assert clients.borrow_session(ADDRESS, OWNER, SETTINGS) is not first
    clients.return_session(first)
    assert clients.borrow_session(ADDRESS, OWNER, SETTINGS) is first


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
    clients.return_session(first := clients.borrow_session(ADDRESS, OWNER, SETTINGS))
    assert clients.borrow_session(address, credentials, settings) is not first


def test_few_are_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    lent = [clients.borrow_session(ADDRESS, OWNER, SETTINGS) for _ in range(clients.MOST_IDLE + 2)]
    for each in lent:
        clients.return_session(each)
    assert [each for _, each in clients.idle_sessions] == lent[2:]
    last = clients.borrow_session(ADDRESS, Credentials("other", "key"), SETTINGS)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + clients.IDLE_S + 1)
    clients.return_session(last)
    assert [each for _, each in clients.idle_sessions] == [last]
