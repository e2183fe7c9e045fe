"""The depth of queues, and the health of the broker, read directly from Redis."""

from collections.abc import Iterable

from redis import Redis
from redis.exceptions import RedisError

from gateway.settings import get_settings

TIMEOUT_S = 1.0


def queue_depths(queues: Iterable[str]) -> tuple[str, dict[str, int]]:
    """Return the broker's error, empty when it is well, and the depth of each queue."""
    names = list(queues)
    url = get_settings().redis_url.get_secret_value()
    try:
        with Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S) as broker:
            pipeline = broker.pipeline(transaction=False).ping()
            for name in names:
                pipeline.llen(name)
            return "", dict(zip(names, map(int, pipeline.execute()[1:]), strict=True))
    except RedisError as error:
        return f"away ({type(error).__name__}); accepted work waits in the database", {}
