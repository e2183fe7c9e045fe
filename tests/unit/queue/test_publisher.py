"""Publishing: the message that reaches Redis, and a Redis that takes none."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery.signals import before_task_publish
from redis import Redis

from gateway import queue
from gateway.queue import publisher
from gateway.queue.celery_app import make_app
from gateway.settings import get_settings
from gateway.work.outbox import Message
from tests.fake_redis import FakeRedis


@pytest.fixture(autouse=True)
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Publish by an application that knows the Redis of the test."""
    for redis in {"fake_redis", "silent_redis"} & set(request.fixturenames):
        request.getfixturevalue(redis)
    made = make_app(get_settings())
    monkeypatch.setattr(publisher, "app", made)
    monkeypatch.setattr(queue, "app", made)
    monkeypatch.setattr(publisher, "TIMEOUT_S", 0.2)
    publisher._broker.cache_clear()  # noqa: SLF001  a connection of the test before
    publisher._silence.until = 0.0  # noqa: SLF001
    yield
    made.close()


def published(fake: FakeRedis, name: str) -> list[dict[str, Any]]:
    """Return the messages of a queue, oldest first."""
    return [json.loads(text) for text in reversed(fake.client.lrange(name, 0, -1))]


def arguments(message: dict[str, Any]) -> list[str]:
    args, _, _ = json.loads(base64.b64decode(message["body"]))
    return list(args)


def test_a_message_carries_ids_to_the_queue_of_its_cluster(fake_redis: FakeRedis) -> None:
    first, *others = (uuid4() for _ in range(3))
    queue.send([Message("transfers.run_group", first, "hpc", tuple(others))])
    [message] = published(fake_redis, "hpc")
    assert message["headers"]["task"] == "transfers.run_group"
    assert arguments(message) == [str(first), *map(str, others)]


def test_flower_is_shown_every_id(fake_redis: FakeRedis) -> None:
    ids = [uuid4() for _ in range(100)]
    queue.send([Message("transfers.run_group", ids[0], "hpc", tuple(ids[1:]))])
    [message] = published(fake_redis, "hpc")
    assert message["headers"]["argsrepr"] == str([str(each) for each in ids])


def test_the_first_message_has_the_id_of_its_row_and_the_next_ones_have_not(fake_redis: FakeRedis) -> None:
    row_id = uuid4()
    message = Message("jobs.submit", row_id, "hpc")
    queue.send([Message("jobs.submit", row_id, "hpc", first=True)])
    queue.send([message])
    queue.send([message])
    first, *again = (UUID(seen["headers"]["id"]) for seen in published(fake_redis, "hpc"))
    assert first == row_id
    assert len({row_id, *again}) == 3


def test_messages_keep_their_order(fake_redis: FakeRedis) -> None:
    ids = [uuid4() for _ in range(5)]
    queue.send(Message("jobs.submit", each, "hpc") for each in ids)
    assert [arguments(message) for message in published(fake_redis, "hpc")] == [[str(each)] for each in ids]


@pytest.mark.parametrize(
    ("fail", "name"),
    [(FakeRedis.go_away, "ConnectionError"), (FakeRedis.refuse, "NoPermissionError")],
    ids=["away", "refusing"],
)
def test_a_message_that_redis_does_not_take_is_left_to_the_sweeper(
    fake_redis: FakeRedis, fail: Callable[[FakeRedis], None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fail(fake_redis)
    rows = [uuid4() for _ in range(3)]
    with caplog.at_level(logging.WARNING):
        queue.send(Message("jobs.submit", row, "hpc") for row in rows)
    said = [record.getMessage() for record in caplog.records if record.name == publisher.__name__]
    assert said == [f"jobs.submit for {rows[0]} waits for the sweeper: {name}"]


def test_after_a_failure_messages_are_sent_again(fake_redis: FakeRedis) -> None:
    fake_redis.go_away()
    queue.send([Message("jobs.submit", uuid4(), "hpc")])
    fake_redis.come_back()
    row = uuid4()
    queue.send([Message("jobs.submit", row, "hpc")])
    assert [arguments(message) for message in published(fake_redis, "hpc")] == [[str(row)]]


@pytest.mark.usefixtures("silent_redis")
def test_a_redis_that_does_not_answer_is_no_error_of_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    queue.send([Message("jobs.submit", uuid4(), "hpc")])
    assert "waits for the sweeper: TimeoutError" in caplog.text


@pytest.mark.usefixtures("silent_redis")
def test_one_that_does_not_answer_is_not_asked_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    connect = publisher._broker  # noqa: SLF001

    def ask(url: str) -> Redis:
        asked.append(url)
        return connect(url)

    monkeypatch.setattr(publisher, "_broker", ask)
    for _ in range(3):
        queue.send([Message("jobs.submit", uuid4(), "hpc")])
    assert (len(asked), caplog.text.count("waits for the sweeper: TimeoutError")) == (1, 3)
    monkeypatch.setattr(publisher._silence, "until", 0.0)  # noqa: SLF001
    queue.send([Message("jobs.submit", uuid4(), "hpc")])
    assert len(asked) == 2


def test_a_message_carries_the_trace_of_its_own_request(fake_redis: FakeRedis) -> None:
    """Two requests share a pipeline; each message gets the headers of its own."""
    number = ContextVar[int]("number", default=0)

    def inject(headers: dict[str, Any], **_: Any) -> None:
        headers["traceparent"] = f"trace {number.get()}"

    messages = []
    for each in (1, 2):
        context = copy_context()
        context.run(number.set, each)
        messages.append(Message("jobs.submit", uuid4(), "hpc", context=context))
    before_task_publish.connect(inject, weak=False)
    try:
        queue.send(messages)
    finally:
        before_task_publish.disconnect(inject)
    seen = published(fake_redis, "hpc")
    assert [each["headers"]["traceparent"] for each in seen] == ["trace 1", "trace 2"]
    assert [each["properties"]["correlation_id"] for each in seen] == [each["headers"]["id"] for each in seen]
