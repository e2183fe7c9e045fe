"""The broker asked directly: depths of queues, and the words for one that fails."""

import time
from collections.abc import Callable

import pytest

from gateway.queue import depth
from gateway.queue.depth import cluster_depths, queue_depths
from tests.fake_redis import FakeRedis

WAITS = "; accepted work waits in the database"


def test_each_queue_has_its_depth(fake_redis: FakeRedis) -> None:
    fake_redis.client.rpush("hpc", "one", "two")
    fake_redis.client.rpush("other", "three")
    assert queue_depths(["hpc", "empty"]) == ("", {"hpc": 2, "empty": 0})


def test_a_cluster_has_the_messages_of_all_its_queues(fake_redis: FakeRedis) -> None:
    for name in ("hpc", "hpc.long", "hpc.short", "hpc.short", "hpc.control", "housekeeping", "hpc2.long"):
        fake_redis.client.rpush(name, "one")
    assert cluster_depths(["hpc", "other"]) == ("", {"housekeeping": 1, "hpc": 5, "other": 0})
    fake_redis.go_away()
    assert cluster_depths(["hpc"]) == (f"away (ConnectionError){WAITS}", {})


def test_without_queues_it_is_asked_whether_it_answers(fake_redis: FakeRedis) -> None:
    assert queue_depths([]) == ("", {})
    fake_redis.go_away()
    assert queue_depths([]) == (f"away (ConnectionError){WAITS}", {})


def not_a_list(fake: FakeRedis) -> None:
    """Put something else where the queue is."""
    fake.client.set("hpc", "no queue")


@pytest.mark.parametrize(
    ("fail", "name"),
    [
        (FakeRedis.go_away, "ConnectionError"),
        (FakeRedis.refuse, "NoPermissionError"),
        (not_a_list, "ResponseError"),
    ],
    ids=["away", "refusing", "no queue"],
)
def test_a_failure_is_told_and_no_depth(
    fake_redis: FakeRedis, fail: Callable[[FakeRedis], None], name: str
) -> None:
    fail(fake_redis)
    assert queue_depths(["hpc", "other"]) == (f"away ({name}){WAITS}", {})


@pytest.mark.usefixtures("silent_redis")
def test_a_broker_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "TIMEOUT_S", 0.2)
    begun = time.monotonic()
    assert queue_depths(["hpc"]) == (f"away (TimeoutError){WAITS}", {})
    assert 0.2 <= time.monotonic() - begun < 1
