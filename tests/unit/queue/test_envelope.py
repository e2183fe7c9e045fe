"""The form of queue messages: the gateway's own pass, and any other is refused with its flaw."""

import base64
import json
from typing import Any

import pytest

from gateway.queue.envelope import MOST_CHARACTERS, BrokenMessage, check_message
from tests.broken_messages import BROKEN, good


def test_our_own_messages_pass() -> None:
    check_message(good())
    check_message(good(expires="2026-11-22T08:00:00.123456+00:00", retries=3, timelimit=[None, None]))


def test_a_message_of_remote_control_passes() -> None:
    properties = {"delivery_tag": "t", "delivery_info": {"exchange": "e", "routing_key": ""}}
    check_message({"body": "x", "headers": {"clock": 1}, "properties": properties})


@pytest.mark.parametrize("message", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_is_refused(message: Any) -> None:
    with pytest.raises(BrokenMessage, match="^(it|its) "):
        check_message(message)


def test_a_huge_body_is_refused() -> None:
    body = base64.b64encode(json.dumps([["x" * MOST_CHARACTERS], {}, {}]).encode()).decode()
    with pytest.raises(BrokenMessage, match="too large"):
        check_message({**good(), "body": body})
