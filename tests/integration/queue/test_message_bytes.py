"""The bytes of messages are those of Celery's `send_task`, on Valkey and on fakeredis; kombu reads them."""

import json
from collections.abc import Iterator
from typing import cast
from uuid import uuid4

import pytest
from redis import ConnectionPool, Redis

from gateway import queue
from gateway.queue import publisher
from gateway.queue.celery_app import make_app
from gateway.settings import get_settings
from gateway.work.outbox import Message
from tests.fake_redis import FakeRedis

QUEUE = f"{uuid4()}.long"
IDS = [uuid4() for _ in range(4)]


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Publish to the server that the test names, and yield a client of it."""
    if request.param == "fakeredis":
        fake = FakeRedis()
        monkeypatch.setattr(ConnectionPool, "make_connection", fake.connect)
        monkeypatch.setenv("GATEWAY_REDIS_URL", fake.url)
    else:
        request.getfixturevalue("broker")
    get_settings.cache_clear()
    publisher._broker.cache_clear()  # noqa: SLF001  a connection of the test before
    made = make_app(get_settings())
    monkeypatch.setattr(publisher, "app", made)
    monkeypatch.setattr(queue, "app", made)
    yield Redis.from_url(get_settings().redis_url.get_secret_value())
    made.close()
    get_settings.cache_clear()
    publisher._broker.cache_clear()  # noqa: SLF001


def stored(server: Redis) -> list[str]:
    """Take the texts of the queue, oldest first, without the id that each delivery gets."""
    raw = cast("list[bytes]", server.lrange(QUEUE, 0, -1))
    texts = [text.decode() for text in reversed(raw)]
    server.delete(QUEUE)
    return [text.replace(json.loads(text)["properties"]["delivery_tag"], "tag") for text in texts]


@pytest.mark.parametrize("server", ["fakeredis", "valkey"], indirect=True)
@pytest.mark.parametrize("others", [0, 3])
def test_the_bytes_are_those_of_celery(server: Redis, others: int) -> None:
    queue.send([Message("transfers.run", IDS[0], QUEUE, tuple(IDS[1 : others + 1]), first=True)])
    ids = [str(each) for each in IDS[: others + 1]]
    queue.app.send_task("transfers.run", args=ids, argsrepr=str(ids), task_id=ids[0], queue=QUEUE)
    ours, celerys = stored(server)
    assert ours == celerys


@pytest.mark.parametrize("server", ["valkey"], indirect=True)
def test_messages_of_one_commit_come_out_in_their_order_and_kombu_reads_them(server: Redis) -> None:
    queue.send([Message("jobs.submit", each, name) for each in IDS for name in (QUEUE, f"{QUEUE}.other")])
    with queue.app.connection_for_read() as connection:
        for name in (QUEUE, f"{QUEUE}.other"):
            with connection.SimpleQueue(name) as waiting:
                read = [waiting.get(timeout=5) for _ in IDS]
            assert [each.payload[0] for each in read] == [[str(each)] for each in IDS]
