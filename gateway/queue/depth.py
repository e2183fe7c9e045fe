"""The depth of queues, and the health of the broker, read directly from Redis."""

from collections.abc import Iterable
from itertools import chain

from redis import Redis
from redis.exceptions import RedisError

from gateway.clusters.queue_names import HOUSEKEEPING, queues_of
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


def cluster_depths(names: Iterable[str]) -> tuple[str, dict[str, int]]:
    """Return the broker's error, and the messages of the housekeeping and of all queues of each cluster."""
    queues = {HOUSEKEEPING: [HOUSEKEEPING], **{name: queues_of(name) for name in names}}
    problem, depths = queue_depths(chain.from_iterable(queues.values()))
    return problem, {name: sum(depths[each] for each in of_it) for name, of_it in queues.items() if depths}
