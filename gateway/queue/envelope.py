"""The form of a queue message; a message of another form is refused before Celery reads it."""

import json
from base64 import b64decode
from datetime import datetime
from typing import Any

MOST_CHARACTERS = 4 << 20  # of a body; the largest of ours, with the ids of a group, has some thousands
_TEXT, _MAYBE = (str,), (str, type(None))
_HEADERS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("task", "id"), _TEXT),
    **dict.fromkeys(("root_id", "parent_id", "group", "origin", "argsrepr", "kwargsrepr"), _MAYBE),
    **dict.fromkeys(("eta", "expires"), _MAYBE),
    "retries": (int, type(None)),
    "timelimit": (list, type(None)),
}
_PLAIN = {"content-type": "application/json", "content-encoding": "utf-8"}
_BODY = (list, dict, dict)  # arguments by place, by name, and Celery's own workflow


class BrokenMessage(ValueError):
    """The message has another form than every message of the gateway."""


def check_message(message: Any) -> None:
    """Raise BrokenMessage for a message that kombu, Celery or a task's process could not read."""
    _need(isinstance(message, dict), "it is no object")
    properties, headers = message.get("properties"), message.get("headers")
    _need(isinstance(properties, dict), "it has no properties")
    _need(isinstance(headers, dict) and "compression" not in headers, "it has no plain headers")
    tag, route = properties.get("delivery_tag"), properties.get("delivery_info")
    _need(isinstance(tag, str) and bool(tag), "it has no delivery tag")
    _need(isinstance(route, dict) and _has_texts(route, "exchange", "routing_key"), "it has no route")
    if "task" in headers:
        _check_headers(headers)
        _need(properties.get("body_encoding") == "base64", "its body is not in base64")
        _need(all(message.get(name) == value for name, value in _PLAIN.items()), "its body is no JSON")
        _check_body(message.get("body"))


def _check_headers(headers: dict[str, Any]) -> None:
    for name, kinds in _HEADERS.items():
        value = headers.get(name)
        _need(isinstance(value, kinds) and not isinstance(value, bool), f"its {name} is of another type")
    _need(bool(headers["id"]), "it has no id")
    for name in ("eta", "expires"):
        _need(headers.get(name) is None or _is_time(headers[name]), f"its {name} is no time")


def _check_body(body: Any) -> None:
    _need(isinstance(body, str) and len(body) <= MOST_CHARACTERS, "its body is missing or too large")
    try:
        parts = json.loads(b64decode(body, validate=True))
    except (ValueError, RecursionError):
        raise BrokenMessage("its body is no JSON in base64") from None
    is_like_ours = isinstance(parts, list) and [type(part) for part in parts] == list(_BODY)
    _need(is_like_ours, "its body holds no arguments")
    _need(not any(parts[2].values()), "its body holds a workflow")


def _has_texts(found: dict[str, Any], *names: str) -> bool:
    return all(isinstance(found.get(name), str) for name in names)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _need(condition: bool, problem: str) -> None:  # noqa: FBT001  an assertion in words
    if not condition:
        raise BrokenMessage(problem)
