"""Redis transport that drops broken messages, and raises ConnectionError once its connection was closed.

An error of kombu's or Celery's about one message would end the worker that received it. kombu 5.7 raises
AttributeError where a connection was closed, for example while it returns the messages of a worker whose
Redis was killed. Celery takes that for a bug and ends the worker; after a ConnectionError it connects again.
"""

import logging
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost

from gateway.queue.envelope import check_message

_log = logging.getLogger(__name__)
# Errors of the connection, after which the worker connects again. kombu counts KeyError among them, but one
# of a message would come back with the message.
_LOST = redis.Transport.connection_errors + redis.Transport.channel_errors
_KEPT = (Empty, *(kind for kind in _LOST if kind is not KeyError))


class Channel(redis.Channel):
    """A channel that skips messages without JSON, and opens no connection after its transport was closed."""

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's own
        if self.connection is None or self.connection.client is None:
            raise ConnectionLost("the connection to the queue was given up")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]

    def _brpop_read(self, **options: Any) -> Any:
        """Deliver a message of a queue."""
        with _dropping():
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]

    def _receive_one(self, c: Any) -> Any:
        """Deliver a broadcast message."""
        with _dropping():
            return super()._receive_one(c)  # type: ignore[no-untyped-call]


@contextmanager
def _dropping() -> Iterator[None]:
    """Log the error of a message that is no JSON, and raise `Empty`: kombu waits for the next message."""
    try:
        yield
    except _KEPT:
        raise
    except Exception as error:  # noqa: BLE001  kombu's decoder raises errors of many kinds
        _log.error("a queue message is dropped: it is no JSON (%s)", type(error).__name__)
        raise Empty from None


class Transport(redis.Transport):
    """The Redis transport with this channel."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        """Pass the message to its consumer; drop one that is broken or that the consumer cannot take."""
        try:
            check_message(message)
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except _KEPT:
            raise
        except Exception as error:  # noqa: BLE001  it may be any; the message alone is to blame
            _log.error("a message of the queue %s is dropped: %s: %s", queue, error, reprlib.repr(message))
            self._forget(message)

    def _forget(self, message: Any) -> None:
        """Reject a message that a channel waits to see acknowledged; Redis would deliver it again."""
        properties = message.get("properties") if isinstance(message, dict) else None
        tag = properties.get("delivery_tag") if isinstance(properties, dict) else None
        for channel in self.channels:
            if isinstance(tag, str) and tag in channel.qos._delivered:  # noqa: SLF001  it has no other name
                channel.basic_reject(tag, requeue=False)
