"""`events()` of both clients: a stream that breaks and goes on, and a gateway without streams."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hpc_gateway_client import AsyncGateway, Event, EventsLost, Gateway, Job, event_stream
from tests.event_streams import event_body
from tests.servers import served

NOW = "2026-11-30T08:00:00Z"
STATES = ["accepted", "pending", "running", "succeeded"]
ROW = uuid4()


class Streams:
    """A gateway with one job, whose stream breaks after each event; without streams it sends the history."""

    def __init__(self, *, has_streams: bool) -> None:
        self._has_streams = has_streams
        self.is_reset = False
        self.asked: list[str] = []
        self.shown = 0
        self.app = Starlette(
            routes=[
                Route("/job/{id}", self._status),
                Route("/job/{id}/events", self._events),
                Route("/events", self._events),
            ]
        )

    async def _status(self, _request: Request) -> Response:
        self.shown = min(self.shown + 1, len(STATES))
        row = _row(STATES[max(self.shown - 1, 0)] if not self._has_streams else STATES[-1])
        return JSONResponse(row, headers={"ETag": f'"{self.shown}"'})

    async def _events(self, request: Request) -> Response:
        if not self._has_streams:
            return JSONResponse([_event(n) for n in range(self.shown)])
        last = request.headers.get("last-event-id", "")
        self.asked.append(last)
        if self.is_reset:
            return Response('id: 7\nevent: reset\ndata: {"reason": ""}\n\n', media_type="text/event-stream")
        number = int(last or -1) + 1
        text = f":\n\nid: {number}\nevent: {STATES[number]}\ndata: {json.dumps(_event(number))}\n\n:\nid: 9"
        return Response(text, media_type="text/event-stream")


def _event(number: int) -> dict[str, Any]:
    before = STATES[number - 1] if number else ""
    return event_body("job", str(ROW), before, STATES[number])


def _row(state: str) -> dict[str, Any]:
    has_ended = state == STATES[-1]
    nothing = dict.fromkeys(("exit_code", "submitted_at", "started_at"))
    times = {"created_at": NOW, "updated_at": NOW}
    return {
        "id": str(ROW),
        "status": "completed" if has_ended else "running",
        "state": state,
        "success": True if has_ended else None,
        "reason": "",
        "infrastructure": "demo",
        "attempt": 1,
        "scheduler_id": "",
        "services": ["fft"],
        "params": {},
        "warnings": [],
        "outputs": [],
        **times,
        **nothing,
    }


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "PAUSE_S", 0.01)


@pytest.fixture(params=[True, False], ids=["streams", "waiting"])
def gateway(request: pytest.FixtureRequest) -> Iterator[tuple[Streams, str]]:
    streams = Streams(has_streams=request.param)
    with served(streams.app) as url:
        yield streams, url


def _check(streams: Streams, seen: list[Event]) -> None:
    assert [event.to_state for event in seen] == STATES
    if streams.asked:
        assert {event.id for event in seen} == {UUID(str(ROW))}
        assert streams.asked == ["", "0", "1", "2"], "each stream goes on behind the last whole event"
        assert seen[-1].cursor == "3"


def test_a_row_is_followed_to_its_end(gateway: tuple[Streams, str]) -> None:
    streams, url = gateway
    with Gateway(url) as client:
        _check(streams, list(client.events(Job.model_validate(_row("accepted")))))


def test_the_async_client_does_the_same(gateway: tuple[Streams, str]) -> None:
    streams, url = gateway

    async def follow() -> list[Event]:
        async with AsyncGateway(url) as client:
            return [event async for event in client.events(Job.model_validate(_row("accepted")))]

    _check(streams, asyncio.run(follow()))


def test_a_reader_is_told_of_events_that_are_lost() -> None:
    streams = Streams(has_streams=True)
    streams.is_reset = True
    with served(streams.app) as url, Gateway(url) as client, pytest.raises(EventsLost) as caught:
        list(client.events(last_event_id="1-1"))
    assert (caught.value.cursor, streams.asked) == ("7", ["1-1"])


def test_the_async_reader_is_told_too() -> None:
    streams = Streams(has_streams=True)
    streams.is_reset = True

    async def follow(url: str) -> None:
        async with AsyncGateway(url) as client:
            async for _ in client.events(last_event_id="1-1"):
                pass

    with served(streams.app) as url, pytest.raises(EventsLost):
        asyncio.run(follow(url))
