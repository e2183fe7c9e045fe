"""The rate limit of an owner: requests counted in Redis, and served while Redis cannot count."""

import asyncio
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from gateway.accounts import rate_limit
from gateway.accounts.rate_limit import PAUSE_S, REDIS_TIMEOUT_S, WINDOW_S, RequestCounter, count_request
from gateway.errors import TooMany
from gateway.settings import get_settings
from tests.fake_redis import FakeRedis

PER_S = 0.3  # three requests in a window of ten seconds


class OneLoop:
    """A counter in the event loop of a test."""

    runner: asyncio.Runner

    @classmethod
    def count(cls, counter: RequestCounter, owner: str = "alice") -> None:
        cls.runner.run(counter.count(owner))

    @classmethod
    def count_request(cls, owner: str = "alice") -> None:
        cls.runner.run(count_request(owner))


@pytest.fixture(autouse=True)
def one_loop() -> Iterator[None]:
    with asyncio.Runner() as OneLoop.runner:
        yield


def counted(counter: RequestCounter, owner: str, times: int = 10) -> int:
    """Return how many requests of an owner are let through."""
    for done in range(times):
        try:
            OneLoop.count(counter, owner)
        except TooMany:
            return done
    return times


def test_a_request_too_many_is_told_when_to_come_again(fake_redis: FakeRedis) -> None:
    counter = RequestCounter(fake_redis.url, PER_S)
    for _ in range(3):
        OneLoop.count(counter)
    with pytest.raises(TooMany, match=r"more than 0\.3 requests per second") as refused:
        OneLoop.count(counter)
    assert refused.value.retry_after_s == pytest.approx(WINDOW_S, abs=1)


def test_owners_are_counted_apart(fake_redis: FakeRedis) -> None:
    counter = RequestCounter(fake_redis.url, PER_S)
    assert [counted(counter, owner) for owner in ("alice", "bob", "alice")] == [3, 3, 0]


def test_processes_are_counted_together(fake_redis: FakeRedis) -> None:
    first, second = (RequestCounter(fake_redis.url, PER_S) for _ in range(2))
    OneLoop.count(first)
    assert counted(second, "alice") == 2
    assert counted(first, "alice") == 0


def test_less_than_one_request_in_a_window_allows_one(fake_redis: FakeRedis) -> None:
    assert counted(RequestCounter(fake_redis.url, 0.01), "alice") == 1


def test_a_count_does_not_stay_in_redis(fake_redis: FakeRedis) -> None:
    OneLoop.count(RequestCounter(fake_redis.url, PER_S))
    [key] = fake_redis.client.keys()
    assert 0 < fake_redis.client.ttl(key) <= 2 * WINDOW_S


def test_the_limit_of_the_settings_is_kept(fake_redis: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_REQUESTS_PER_S", str(PER_S))
    get_settings.cache_clear()
    for _ in range(3):
        OneLoop.count_request()
    with pytest.raises(TooMany):
        OneLoop.count_request()


def test_without_a_limit_redis_is_not_asked(fake_redis: FakeRedis) -> None:
    for _ in range(30):
        OneLoop.count_request()
    assert fake_redis.connections == 0


@pytest.mark.parametrize(
    ("fail", "name"),
    [(FakeRedis.go_away, "ConnectionError"), (FakeRedis.refuse, "NoPermissionError")],
    ids=["away", "refusing"],
)
def test_requests_that_cannot_be_counted_are_served(
    fake_redis: FakeRedis, fail: Callable[[FakeRedis], None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    counter = RequestCounter(fake_redis.url, PER_S)
    fail(fake_redis)
    assert counted(counter, "alice", times=30) == 30
    assert [record.getMessage() for record in caplog.records] == [f"requests are not counted for 5 s: {name}"]


def test_a_redis_that_does_not_answer_holds_up_one_request_and_not_for_long(silent_redis: str) -> None:
    counter = RequestCounter(silent_redis, PER_S)
    begun = time.monotonic()
    assert counted(counter, "alice", times=30) == 30
    assert REDIS_TIMEOUT_S <= time.monotonic() - begun < 4 * REDIS_TIMEOUT_S


def test_redis_is_asked_again_after_a_pause(fake_redis: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    counter = RequestCounter(fake_redis.url, PER_S)
    fake_redis.go_away()
    OneLoop.count(counter)
    fake_redis.come_back()
    now += PAUSE_S - 0.1
    assert counted(counter, "alice") == 10
    now += 0.1
    assert counted(counter, "alice") == 3
