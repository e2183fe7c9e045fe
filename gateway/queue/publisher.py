"""The publisher of the outbox: messages in Celery's format, pushed to their queues in one pipeline.

Celery's `send_task` takes half a millisecond and a round trip for each message. A contract test compares the
bytes with those of `send_task`. Celery's signals are sent as there, so that traces go on in the tasks.
A broker that has not answered is left alone for a while, as requests wait for their messages in turn.
"""

import json
import logging
import time
import uuid
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celery import Celery
from celery._state import get_current_worker_task
from celery.signals import after_task_publish, before_task_publish
from celery.utils.nodenames import anon_nodename
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from gateway.queue.celery_app import app
from gateway.settings import get_settings
from gateway.work.outbox import Message

CONNECT_TIMEOUT_S = 3
TIMEOUT_S = 5
PAUSE_S = 5.0  # without a message, after the broker has not answered one
Body = tuple[list[str], dict[str, Any], dict[str, None]]
_EMBEDDED = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))
_log = logging.getLogger(__name__)


def send(messages: Iterable[Message]) -> None:
    """Send the messages of a committed transaction, best effort: the sweeper sends a lost one again.

    The first message of a row has the row's id as its task id, so that Flower finds it by that id; that of a
    group has the id of its first row. Headers and log lines are those of the request that each is for.
    """
    listed = [(message, _Envelope(message)) for message in messages]
    try:
        _push(listed)
    except RedisError as error:
        first = listed[0][0]
        _log.warning("%s for %s waits for the sweeper: %s", first.task, first.id, type(error).__name__)
        return
    for message, envelope in listed:
        message.context.run(envelope.tell)


@dataclass
class _Silence:
    """The time until which the broker is not asked, as it has not answered."""

    until: float = 0.0


_silence = _Silence()


def _push(listed: Sequence[tuple[Message, "_Envelope"]]) -> None:
    """Push the messages of each queue by one command, in their order, or raise RedisError."""
    if time.monotonic() < _silence.until:
        raise NoAnswer
    texts: dict[str, list[str]] = {}
    for message, envelope in listed:
        texts.setdefault(message.queue, []).append(message.context.run(envelope.write, app))
    try:
        with _broker(get_settings().redis_url.get_secret_value()).pipeline(transaction=False) as pipeline:
            for queue, of_queue in texts.items():
                pipeline.lpush(queue, *of_queue)
            pipeline.execute()
    except NoAnswer:
        _silence.until = time.monotonic() + PAUSE_S
        raise


class _Envelope:
    """One message in the format of Celery's protocol 2 and of kombu's virtual transport."""

    def __init__(self, message: Message) -> None:
        self._message = message
        ids = [str(row_id) for row_id in (message.id, *message.others)]
        self._body: Body = (ids, {}, _EMBEDDED)
        self._headers = _headers(message, str(message.id if message.first else uuid.uuid4()), str(ids))

    def write(self, sender: Celery) -> str:
        """Return the JSON of the message."""
        headers, message = self._headers, self._message
        properties = {
            "correlation_id": headers["id"],
            "reply_to": sender.thread_oid,
            "argsrepr": headers["argsrepr"],
        }
        if before_task_publish.receivers:
            before_task_publish.send(
                message.task,
                body=self._body,
                headers=headers,
                properties=properties,
                exchange="",
                routing_key=message.queue,
                declare=[],
                retry_policy={},
            )
        route: dict[str, Any] = {
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": message.queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        }
        return json.dumps(
            {
                "body": b64encode(json.dumps(self._body).encode()).decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": headers,
                "properties": properties | route,
            }
        )

    def tell(self) -> None:
        """Log that the message is sent, and send Celery's signal."""
        message = self._message
        if after_task_publish.receivers:
            after_task_publish.send(
                message.task,
                body=self._body,
                headers=self._headers,
                exchange="",
                routing_key=message.queue,
            )
        _log.info("sent %s to %s", message.task, message.queue, extra={"work_id": str(message.id)})


def _headers(message: Message, task_id: str, ids: str) -> dict[str, Any]:
    """Return Celery's headers; `argsrepr` names all ids, as Celery would show Flower the first 25."""
    parent = get_current_worker_task()
    root_id = (parent.request.root_id or parent.request.id) if parent else task_id
    return {
        "lang": "py",
        "task": message.task,
        "id": task_id,
        **dict.fromkeys(("shadow", "eta", "expires", "group", "group_index")),
        "retries": 0,
        "timelimit": [None, None],
        "root_id": root_id,
        "parent_id": parent.request.id if parent else None,
        "argsrepr": ids,
        "kwargsrepr": "{}",
        "origin": anon_nodename(),
        "ignore_result": None,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }


@lru_cache(maxsize=1)
def _broker(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
    )
