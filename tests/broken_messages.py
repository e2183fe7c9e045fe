"""Queue messages for the tests: a good one, and broken ones, each in one way."""

import base64
import json
from typing import Any
from uuid import uuid4

TASK = "control.log"


def in_base64(content: Any) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def good(**headers: Any) -> dict[str, Any]:
    """Return a message as Celery sends it."""
    return {
        "body": in_base64([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"task": TASK, "id": str(uuid4()), "lang": "py", "argsrepr": "[]", **headers},
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "hpc.control"},
            "delivery_mode": 2,
            "delivery_tag": str(uuid4()),
            "priority": 0,
        },
    }


def _without(*path: str) -> dict[str, Any]:
    message = good()
    place = message
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return message


def _with(value: Any, *path: str) -> dict[str, Any]:
    message = good()
    place = message
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return message


def _body(content: Any) -> dict[str, Any]:
    return _with(in_base64(content), "body")


BROKEN: dict[str, Any] = {
    "a number": 7,
    "a list": [1],
    "null": None,
    "nothing in it": {},
    "no properties": _without("properties"),
    "properties of text": _with("x", "properties"),
    "no headers": _without("headers"),
    "headers of a list": _with([], "headers"),
    "no delivery tag": _without("properties", "delivery_tag"),
    "a tag that is a list": _with([], "properties", "delivery_tag"),
    "no delivery_info": _without("properties", "delivery_info"),
    "delivery_info of text": _with("x", "properties", "delivery_info"),
    "no routing key": _without("properties", "delivery_info", "routing_key"),
    "no id": _without("headers", "id"),
    "an empty id": _with("", "headers", "id"),
    "an id that is a number": _with(7, "headers", "id"),
    "a task that is a list": _with([], "headers", "task"),
    "retries of text": _with("many", "headers", "retries"),
    "a time limit of text": _with("x", "headers", "timelimit"),
    "eta that is no time": _with("soon", "headers", "eta"),
    "expires that is no time": _with("never", "headers", "expires"),
    "expires that is an object": _with({}, "headers", "expires"),
    "a compressed body": _with("gzip", "headers", "compression"),
    "a pickle": _with("application/x-python-serialize", "content-type"),
    "another encoding": _with("utf-16", "content-encoding"),
    "another body encoding": _with("rot13", "properties", "body_encoding"),
    "no body": _without("body"),
    "a body that is an object": _with({}, "body"),
    "a body that is no base64": _with("%%%", "body"),
    "a body that is no JSON": _with(base64.b64encode(b"{").decode(), "body"),
    "a body that is no UTF-8": _with(base64.b64encode(b"\xff\xfe\xfa").decode(), "body"),
    "a deep body": _with(base64.b64encode(b"[" * 100_000).decode(), "body"),
    "a body of text": _body("x"),
    "a body of two parts": _body([[], {}]),
    "arguments that are an object": _body([{}, {}, {}]),
    "arguments by name that are a list": _body([[], [], {}]),
    "a workflow": _body([[], {}, {"chain": [{"task": "jobs.submit"}]}]),
}
# As Redis holds them; these are not even JSON.
RAW: dict[str, bytes] = {
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "empty": b"",
    "a text": b'"x"',
    "a type of kombu's": b'{"__type__": "uuid", "__value__": {"hex": 7}}',
    "an unknown type of kombu's": b'{"__type__": "x", "__value__": 7}',
    "NaN": b"NaN",
}
# Celery itself has to reject these.
FOREIGN: dict[str, dict[str, Any]] = {
    "an unknown task": good(task="no.such.task"),
    "an old message": {
        **good(),
        "headers": {},
        "body": in_base64({"task": TASK, "id": "1", "args": 7, "kwargs": 7}),
    },
    "an old message without an id": {**good(), "headers": {}, "body": in_base64({"task": "x"})},
    "no task at all": {**good(), "headers": {}, "body": in_base64("x")},
    "too many arguments": _body([[1, 2, 3, 4, 5, 6, 7, 8], {}, {}]),
    "unknown arguments": _body([[], {"odd": 1}, {}]),
    "arguments of other types": _body(
        [[], {"key": 7, "job_id": [], "stream": {}, "offset": "x", "tail": "x"}, {}]
    ),
    "an id that is none": _body([["a", "not-a-uuid", "stdout", 0, None], {}, {}]),
}
