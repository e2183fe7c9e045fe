"""Short requests to a cluster's worker, with a time-out, over a queue of their own.

The reply is a list in the broker that expires by itself. Celery's own results would need a connection, a
subscription and a thread of their own in every process that makes requests.
"""

import json
import uuid
from functools import lru_cache
from typing import Any, cast

import redis
from kombu.exceptions import OperationalError

from gateway.clusters.configuration import worker_command
from gateway.clusters.queue_names import control_queue
from gateway.errors import Unavailable
from gateway.queue import app
from gateway.settings import get_settings

ANSWER_S = 5.0
_KEPT_S = 60


def request(infrastructure: str, task: str, **arguments: Any) -> Any:
    """Send the request to the cluster's worker and return its reply, or raise Unavailable."""
    return json.loads(request_bytes(infrastructure, task, **arguments))


def request_bytes(infrastructure: str, task: str, **arguments: Any) -> bytes:
    """Send the request to the cluster's worker and return the bytes of its reply, or raise Unavailable."""
    key = f"answer:{uuid.uuid4()}"
    try:
        app.send_task(
            task,
            kwargs={"key": key, **arguments},
            queue=control_queue(infrastructure),
            expires=ANSWER_S,
        )
        answered = _broker().blpop([key], timeout=ANSWER_S)
    except (OperationalError, redis.RedisError) as error:
        raise Unavailable("the task queue is away for the moment; try again") from error
    if answered is None:
        raise Unavailable(
            f"no worker of {infrastructure!r} answers; this needs {worker_command(infrastructure)}"
        )
    return cast("bytes", answered[1])  # this broker decodes no reply


def reply(key: str, document: Any) -> None:
    """Reply to a request."""
    reply_bytes(key, json.dumps(document).encode())


def reply_bytes(key: str, data: bytes) -> None:
    """Reply to a request; the reply expires soon, because the caller may have given up."""
    broker = _broker()
    broker.rpush(key, data)
    broker.expire(key, _KEPT_S)


@lru_cache
def _broker() -> redis.Redis:
    url = get_settings().redis_url.get_secret_value()
    return redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=2 * ANSWER_S)
