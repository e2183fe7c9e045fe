"""Redis transport that raises ConnectionError, not AttributeError, after its connection was closed.

kombu 5.7 raises the AttributeError, for example while it returns the messages of a worker whose Redis was
killed. Celery takes that for a bug and ends the worker; after a ConnectionError it connects again.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):
    """A channel that opens no connection once its transport was closed."""

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's own
        if self.connection is None or self.connection.client is None:
            raise ConnectionLost("the connection to the queue was given up")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """The Redis transport with this channel."""

    Channel = Channel
