"""Streams of events for the tests, read by foreign code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
from httpx_sse import EventSource, ServerSentEvent

from gateway.db import reading, session_scope
from gateway.events.cursor import end_cursor
from gateway.jobs import lifecycle as jobs
from gateway.models import Job

STREAM = {"Accept": "text/event-stream"}
NOW = "2026-11-30T08:00:00Z"


def event_body(kind: str, row_id: str, before: str, after: str) -> dict[str, Any]:
    """Return an event of a row's change as a stream tells it."""
    told = {"at": NOW, "from_state": before, "to_state": after, "attempt": 1}
    return {"kind": kind, "id": row_id, "worker": "", "actor": "", "reason": "", **told}


@contextmanager
def stream(url: str, path: str = "/events", **headers: str) -> Iterator[Iterator[ServerSentEvent]]:
    """Open a stream, and give its events once it is there."""
    with (
        httpx.Client(timeout=30) as client,
        client.stream("GET", f"{url}{path}", headers=STREAM | headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield EventSource(answer).iter_sse()


def take(events: Iterator[ServerSentEvent], number: int) -> list[ServerSentEvent]:
    return [next(events) for _ in range(number)]


def told(events: list[ServerSentEvent]) -> list[tuple[str, str]]:
    """Return the row and the state of each event, which its data repeats."""
    for event in events:
        assert event.json()["to_state"] == event.event
    return [(event.json()["id"], event.event) for event in events]


def cancel(row_id: UUID) -> None:
    """Cancel a job that waits: a note of the request, then the change of the state."""
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))


def end() -> str:
    with reading() as connection:
        return str(end_cursor(connection))
