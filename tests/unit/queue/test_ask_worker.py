"""Requests to a worker: over Redis and back, and every way to get no reply."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.clusters.queue_names import control_queue
from gateway.errors import Unavailable
from gateway.queue import ask_worker
from gateway.queue.ask_worker import reply, request
from gateway.queue.celery_app import make_app
from gateway.settings import get_settings
from tests.fake_redis import FakeRedis
from tests.polling import until


@pytest.fixture(autouse=True)
def app(fake_redis: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ask by an application and a client that know the Redis of the test."""
    made = make_app(get_settings())
    monkeypatch.setattr(ask_worker, "app", made)
    monkeypatch.setattr(ask_worker, "_broker", lambda: fake_redis.client)
    yield
    made.close()


def asked(fake: FakeRedis) -> dict[str, object]:
    """Return the arguments of the next request, as its worker would read them."""
    message = until("a question", lambda: fake.client.brpop([control_queue("hpc")]))
    _, question, _ = json.loads(base64.b64decode(json.loads(message[1])["body"]))
    return dict(question)


def test_the_answer_to_a_question_comes_back(fake_redis: FakeRedis) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(request, "hpc", "logs.read", path="a/b", limit=7)
        question = asked(fake_redis)
        reply(str(question.pop("key")), {"text": "ünïcode", "next": None})
    assert question == {"path": "a/b", "limit": 7}
    assert waiting.result() == {"text": "ünïcode", "next": None}


def test_answers_to_two_questions_are_not_confused(fake_redis: FakeRedis) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = {n: pool.submit(request, "hpc", "logs.read", n=n) for n in range(2)}
        for question in [asked(fake_redis) for _ in waiting]:
            reply(str(question["key"]), question["n"])
    assert {n: asking.result() for n, asking in waiting.items()} == {0: 0, 1: 1}


def test_an_answer_that_is_not_read_expires(fake_redis: FakeRedis) -> None:
    reply("answer:x", "late")
    assert 0 < fake_redis.client.ttl("answer:x") <= 60


@pytest.mark.parametrize(("configured", "words"), [({"hpc"}, "hpc"), (set(), "--remote")])
def test_without_a_worker_the_caller_learns_the_command(
    fake_redis: FakeRedis, monkeypatch: pytest.MonkeyPatch, configured: set[str], words: str
) -> None:
    monkeypatch.setattr(ask_worker, "ANSWER_S", 0.2)
    monkeypatch.setattr("gateway.clusters.configuration.configured_clusters", lambda: configured)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=rf"no worker of 'hpc' answers; .*`hpc-gateway worker {words}`"):
        request("hpc", "logs.read")
    assert time.monotonic() - begun < 2
    assert fake_redis.client.llen(control_queue("hpc")) == 1


@pytest.mark.parametrize("fail", [FakeRedis.go_away, FakeRedis.refuse], ids=["away", "refusing"])
def test_without_redis_the_caller_may_try_again(
    fake_redis: FakeRedis, fail: Callable[[FakeRedis], None]
) -> None:
    fail(fake_redis)
    with pytest.raises(Unavailable, match="the task queue is away for the moment; try again"):
        request("hpc", "logs.read")
