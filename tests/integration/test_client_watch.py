"""A workflow is watched by the stream of its events; where there is none, or a late one, by `?wait=`."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hpc_gateway_client import AsyncGateway, Gateway, StillRunning, Workflow, client, listeners
from tests.event_streams import event_body
from tests.polling import until
from tests.servers import served

NOW = "2026-11-30T08:00:00Z"
ID = str(uuid4())
STATES = [("accepted", "waiting"), ("running", "transferring"), ("running", "completed"), ("succeeded", "")]
STEP_S = 0.15


class Watched:
    """A gateway with one workflow, which goes on when a client has seen its state; it tells by a `stream`."""

    def __init__(self, stream: str = "whole") -> None:
        self.stream, self.place = stream, 0
        self.looks: list[str] = []  # the `wait` of each status request, once it is answered
        self.asked: list[str] = []  # the `Last-Event-ID` of each stream
        self.open = 0
        self.app = Starlette(routes=[Route("/workflow/{id}", self._status), Route("/events", self._events)])

    def see(self, row: Workflow) -> None:
        """Go on a little after the client was told of a state."""
        if row.state == STATES[self.place][0]:
            threading.Timer(STEP_S, self._go_on).start()

    def _go_on(self) -> None:
        self.place = min(self.place + 1, len(STATES) - 1)

    async def _status(self, request: Request) -> Response:
        known, wait = request.headers.get("if-none-match", ""), request.query_params.get("wait", "")
        for _ in range(int(float(wait or 0) * 100)):
            if known != f'"{self.place}"':
                break
            await asyncio.sleep(0.01)
        self.looks.append(wait)
        tag = {"ETag": f'"{self.place}"'}
        return (
            Response(status_code=304) if known == tag["ETag"] else JSONResponse(shown(self.place), 200, tag)
        )

    async def _events(self, request: Request) -> Response:
        assert request.query_params["workflow"] == ID
        self.asked.append(request.headers.get("last-event-id", ""))
        if self.stream.isdigit():
            return JSONResponse({"detail": "no stream"}, int(self.stream))
        if self.stream == "html":
            return HTMLResponse("<h1>Sign in</h1>")
        return StreamingResponse(self._texts(int(self.asked[-1] or -1) + 1), media_type="text/event-stream")

    async def _texts(self, place: int) -> AsyncIterator[str]:
        self.open += 1
        try:
            yield ":\n"
            if self.stream == "reset":
                yield f'id: {place}\nevent: reset\ndata: {{"reason": ""}}\n\n'
            while True:
                while place > self.place or self.stream == "late":  # noqa: ASYNC110  a thread moves the place
                    await asyncio.sleep(0.01)
                yield f"id: {place}\nevent: {STATES[place][0]}\ndata: {json.dumps(event(place))}\n\n"
                place += 1
                if self.stream == "cut":
                    yield f"id: {place + 7}\nevent: half\n"
                    return
        finally:
            self.open -= 1


def event(place: int) -> dict[str, Any]:
    return event_body("workflow", ID, "", STATES[place][0])


def shown(place: int) -> dict[str, Any]:
    state, step = STATES[place]
    has_ended = state == "succeeded"
    return {
        "id": ID,
        "status": "completed" if has_ended else "running",
        "state": state,
        "success": True if has_ended else None,
        "reason": "",
        "infrastructure": "demo",
        "attempt": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "steps": [{"name": "input", "kind": "s3_data", "id": None, "state": step, "reason": ""}],
        "outputs": [],
        "bytes_total": None,
        "bytes_done": 0,
    }


ROW = Workflow.model_validate(shown(0))


def wait_blocking(url: str, report: Callable[[Workflow], None]) -> Workflow:
    with Gateway(url) as gateway:
        return gateway.wait(ROW, report, 30)


def wait_async(url: str, report: Callable[[Workflow], None]) -> Workflow:
    async def run() -> Workflow:
        async with AsyncGateway(url) as gateway:
            return await gateway.wait(ROW, report, 30)

    return asyncio.run(run())


WAITS = pytest.mark.parametrize("wait", [wait_blocking, wait_async])


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PAUSE_S", 0.01)


def watch(wait: Callable[..., Workflow], gateway: Watched) -> list[tuple[str, str]]:
    """Wait for the end; return the states that were reported, each once."""
    seen: list[tuple[str, str]] = []

    def report(row: Workflow) -> None:
        if not seen or seen[-1] != (row.state, row.steps[0].state):
            seen.append((row.state, row.steps[0].state))
            gateway.see(row)

    with served(gateway.app) as url:
        ended = wait(url, report)
        until("no stream is left", lambda: gateway.open == 0)
    assert ended.succeeded
    return seen


@WAITS
@pytest.mark.parametrize("stream", ["whole", "cut", "reset"])
def test_each_event_of_the_stream_is_a_look(wait: Callable[..., Workflow], stream: str) -> None:
    gateway = Watched(stream)
    assert watch(wait, gateway) == STATES
    if stream == "whole":
        assert gateway.asked == [""]
        assert gateway.looks[2:] == [""] * len(gateway.looks[2:]), "no look is held"
        assert len(gateway.looks) <= 2 * len(STATES)
    if stream == "cut":
        assert gateway.asked[:3] == ["", "0", "1"], "each goes on behind the last whole event"


@WAITS
@pytest.mark.parametrize("stream", ["404", "406", "429", "501", "503", "html"])
def test_without_a_stream_looks_are_held(wait: Callable[..., Workflow], stream: str) -> None:
    gateway = Watched(stream)
    assert watch(wait, gateway) == STATES
    assert gateway.looks[1:] == ["20.0"] * len(STATES[1:])
    assert len(gateway.asked) == 1 or stream == "503", "a refusal is not tried again"


@WAITS
def test_a_stream_that_is_late_is_given_up(wait: Callable[..., Workflow]) -> None:
    gateway = Watched("late")
    assert watch(wait, gateway) == STATES
    assert gateway.looks[-1] == "20.0"


def test_a_client_has_some_streams_and_holds_its_other_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_LISTENERS", 3)
    gateway = Watched()

    async def run(url: str) -> list[Workflow]:
        async with AsyncGateway(url) as connected:
            waits = [asyncio.create_task(connected.wait(ROW, None, 30)) for _ in range(8)]
            await asyncio.to_thread(until, "streams are open", lambda: gateway.open == 3)
            for _ in STATES:
                gateway._go_on()  # noqa: SLF001
            return await asyncio.gather(*waits)

    with served(gateway.app) as url:
        assert all(row.succeeded for row in asyncio.run(run(url)))
        until("no stream is left", lambda: gateway.open == 0)
    assert len(gateway.asked) == 3


@pytest.mark.parametrize("stream", ["whole", "late", "404"])
def test_the_time_is_over_while_it_is_watched(stream: str) -> None:
    gateway = Watched(stream)
    with served(gateway.app) as url:
        with Gateway(url) as connected, pytest.raises(StillRunning, match=r"accepted after 0.5 s"):
            connected.wait(ROW, timeout_s=0.5)
        until("no stream is left", lambda: gateway.open == 0)


def test_a_cancelled_wait_ends_its_stream() -> None:
    gateway = Watched()

    async def run(url: str) -> None:
        async with AsyncGateway(url) as connected:
            waiting = asyncio.create_task(connected.wait(ROW))
            await asyncio.to_thread(until, "the stream is open", lambda: gateway.open == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.to_thread(until, "no stream is left", lambda: gateway.open == 0)

    with served(gateway.app) as url:
        asyncio.run(run(url))
