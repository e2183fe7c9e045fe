"""The queue's transport: what is asked of a connection that was given up fails as a lost connection does.

kombu 5.7 lets an AttributeError out of it, for example while it hands back the messages of a worker whose
Redis was killed. Celery takes that for a bug and ends the worker; a lost connection it makes anew.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):
    """A channel that opens nothing more once its connection was given up."""

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's own
        if self.connection is None or self.connection.client is None:
            raise ConnectionLost("the connection to the queue was given up")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """Redis, with such channels."""

    Channel = Channel
