"""Redis transport: a call on a connection that was closed raises ConnectionError, not AttributeError."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.queue.celery_app import make_app
from gateway.queue.transport import Transport
from gateway.settings import Settings


@pytest.fixture
def connection(broker: str) -> Iterator[Any]:
    with make_app(Settings(redis_url=broker)).connection_for_write() as opened:
        yield opened


def given_up(connection: Any) -> Any:
    """Return a channel with a message that it has not acknowledged, after its connection was given up."""
    channel = connection.default_channel
    with connection.SimpleQueue("given-up") as queue:
        queue.put("hello")
        assert queue.get(timeout=5).payload == "hello"
    channel._disconnect_pools()  # noqa: SLF001  as when the socket has failed
    connection.transport.client = None
    return channel


@pytest.mark.parametrize("asked", ["restore", "acknowledge"])
def test_it_is_a_lost_connection(connection: Any, asked: str) -> None:
    lost = connection.connection_errors
    channel = given_up(connection)
    with pytest.raises(lost):
        channel.qos.restore_unacked() if asked == "restore" else channel.basic_ack("1")
    channel.qos._on_collect.cancel()  # noqa: SLF001  kombu would try again at the end of the process


def test_secured_connections_stay_so() -> None:
    app = make_app(Settings(redis_url="rediss://user:word@queue.example.org:6380/0"))
    connection = app.connection_for_write()
    assert (connection.hostname, connection.port, bool(connection.ssl)) == ("queue.example.org", 6380, True)
    assert isinstance(connection.transport, Transport)
