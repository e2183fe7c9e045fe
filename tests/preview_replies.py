"""Previews that the worker replies at once, in the process of the test."""

import json
from typing import Any

import pytest

from gateway.queue import ask_worker
from workers.tasks import control


def reply_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests for previews be carried out where they are made."""
    replies: dict[str, Any] = {}
    monkeypatch.setattr(ask_worker, "reply_bytes", lambda key, data: replies.update({key: data}))

    def request(_infrastructure: str, task: str, **arguments: Any) -> Any:
        assert task == "control.preview"
        control.preview("key", **json.loads(json.dumps(arguments)))
        return replies.pop("key")

    monkeypatch.setattr(ask_worker, "request_bytes", request)
