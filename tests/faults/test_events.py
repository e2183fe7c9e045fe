"""Events read by foreign code while the API, the worker, the process of webhooks and the queue are killed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, SSEError
from standardwebhooks import Webhook as Verifier

from tests.client import Client
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.faults.test_workflows import Flows, is_answered, lose_data
from tests.polling import until
from tests.receivers import Receiver, receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
STREAM = {"Accept": "text/event-stream"}


class StreamReader:
    """A reader of all events that connects again behind the last one whenever its stream ends."""

    def __init__(self, url: str, start: str) -> None:
        self._url, self._last = url, start
        self._stopped = threading.Event()
        self.seen: list[ServerSentEvent] = []

    @contextmanager
    def reading(self) -> Iterator["StreamReader"]:
        """Read in a thread until the end of the block."""
        thread = threading.Thread(target=self._read)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            thread.join()

    def _read(self) -> None:
        while not self._stopped.wait(0.1):
            with suppress(httpx.HTTPError, SSEError), httpx.Client(timeout=1) as client:
                self._follow(client)

    def _follow(self, client: httpx.Client) -> None:
        headers = STREAM | {"Last-Event-ID": self._last}
        with client.stream("GET", f"{self._url}/events", headers=headers) as answer:
            for event in EventSource(answer).iter_sse() if answer.status_code == httpx.codes.OK else ():
                self._last = event.id
                self.seen.append(event)
                if self._stopped.is_set():
                    return


def _messages(there: Receiver, secret: str) -> dict[str, dict[str, Any]]:
    """Return the verified messages by their ids, each once, in the order of their first arrival."""
    verifier, found = Verifier(secret), dict[str, dict[str, Any]]()
    for each in list(there.taken):
        found.setdefault(each.headers["webhook-id"], verifier.verify(each.body, each.headers))
    return found


def test_every_event_comes_once_to_each_reader_whatever_is_killed(client: Client, history: History) -> None:
    stack, start = client.stack, history.last_event()
    with receiver() as there, StreamReader(stack.api_url, start).reading() as reader:
        hook = client.post("/webhooks", {"url": there.url, "events": ["*.*"]})
        flows = Flows(client, 6)
        kills = {
            "api": stack.start_api,
            "valkey": lambda: lose_data(stack),
            "worker": stack.start_worker,  # which delivers the webhooks as well
        }
        for number, (part, start_again) in enumerate([*kills.items()] * 2, 1):
            until("more steps have begun", lambda number=number: flows.begun() > 4 + 2 * number)  # type: ignore[misc]  # bound above
            kill_part(stack, part)
            start_again()
            until("the API answers", lambda: is_answered(client))
        flows.assert_each_step_ran_once(history, 120)
        expected = history.events_behind(start)
        until("the stream has all", lambda: len(reader.seen) >= len(expected))
        changes = [event for event in expected if event.from_state != event.to_state]
        until("the receiver has all", lambda: len(_messages(there, hook["secret"])) >= len(changes), 120)
        messages = _messages(there, hook["secret"])
        client.http.delete(f"/webhooks/{hook['id']}")
    assert [event.id for event in reader.seen] == [f"{event.xid}-{event.id}" for event in expected]
    assert sorted(each["id"] for each in messages.values()) == sorted(f"{e.xid}-{e.id}" for e in changes)
    for row_id in {event.work_id for event in changes}:
        came = [each["id"] for each in messages.values() if each["subject"] == str(row_id)]
        assert came == [f"{event.xid}-{event.id}" for event in changes if event.work_id == row_id]
