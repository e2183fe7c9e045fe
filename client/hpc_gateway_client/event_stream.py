"""Events of a gateway as they happen: server-sent events with replay, or looks that wait for a change.

Blocking and async followers share `Follow`, which keeps the place in the stream and knows when it is over.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol, TypeVar

import httpx
from pydantic import ValidationError

from hpc_gateway_client.answers import read_content
from hpc_gateway_client.errors import EventsLost, GatewayClientError, Unreachable
from hpc_gateway_client.models import Event, Job, Transfer, Workflow
from hpc_gateway_client.steps import AWAY, Call, Steps, request_list
from hpc_gateway_client.waits import look_for_change

MEDIA_TYPE = "text/event-stream"
SILENCE_S = 45.0  # the gateway sends a comment every 15 s
PAUSE_S = 1.0
_FINAL = frozenset(
    ("completed", "succeeded", "failed", "cancelled", "timeout", "out_of_memory", "node_failure", "lost")
)
AnyRow = Transfer | Job | Workflow

Result = TypeVar("Result")
AnyOf = TypeVar("AnyOf", bound=AnyRow)


class Opener(Protocol):
    """The part of the blocking client that opens streams."""

    def open_stream(self, path: str, headers: Mapping[str, str]) -> AbstractContextManager[httpx.Response]:
        """Open a stream of events."""


class AsyncOpener(Protocol):
    """The part of the async client that opens streams."""

    def open_stream(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Open a stream of events."""


class Reader(Opener, Protocol):
    """The part of the blocking client that a follower needs."""

    url: str
    patience_s: float

    def carry_out(self, steps: Steps[Result]) -> Result:
        """Carry out steps."""

    def look(self, row: AnyOf) -> AnyOf:
        """Return the row as it is now."""


class AsyncReader(AsyncOpener, Protocol):
    """The part of the async client that a follower needs."""

    url: str
    patience_s: float

    async def carry_out(self, steps: Steps[Result]) -> Result:
        """Carry out steps."""

    def look(self, row: AnyOf) -> Coroutine[object, object, AnyOf]:
        """Return the row as it is now."""


class Follow:
    """The place of a reader in a stream; `has_streams` is false once the gateway has answered otherwise.

    `is_heard` tells whether the stream is open and has brought a line.
    """

    def __init__(self, row: AnyRow | None, last_event_id: str) -> None:
        self.row, self.cursor, self.has_streams = row, last_event_id, True
        self.heard_at, self.is_heard = time.monotonic(), False
        self._seen, self._tag = 0, ""
        self._fields: dict[str, str] = {}

    @property
    def call(self) -> Call:
        """The request that opens the stream behind the last event."""
        return Call("GET", f"{self.row.url}/events" if self.row else "/events")

    @property
    def headers(self) -> dict[str, str]:
        """The headers of that request."""
        return {"Accept": MEDIA_TYPE} | ({"Last-Event-ID": self.cursor} if self.cursor else {})

    def check_answer(self, answer: httpx.Response) -> bool:
        """Return whether the answer is a stream; raise Refused for a refusal."""
        if answer.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            self.heard_at, self._fields = time.monotonic(), {}  # a broken stream's last event is incomplete
            return True
        unknown = {httpx.codes.NOT_FOUND} if self.row is None else set[int]()  # an older gateway's
        if answer.is_error and answer.status_code not in {*AWAY, httpx.codes.NOT_ACCEPTABLE, *unknown}:
            read_content(answer)
        self.has_streams = answer.status_code in AWAY
        if self.row is None and not self.has_streams:
            raise GatewayClientError("this gateway has no stream of all events: name a transfer or a job")
        return False

    def read_line(self, line: str) -> Event | None:
        """Take a line of the stream; return the event that it completes, or raise EventsLost."""
        self.is_heard = True
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        self.heard_at = time.monotonic()
        self.cursor = fields.get("id", self.cursor)
        if fields.get("event") == "reset":
            raise EventsLost(self.cursor)
        if "data" not in fields:
            return None
        try:
            event = Event.model_validate_json(fields["data"])
        except ValidationError:
            raise GatewayClientError(f"{self.call.path} is no stream of a gateway's events") from None
        return event.model_copy(update={"cursor": self.cursor})

    def check_patience(self, patience_s: float, url: str) -> None:
        """Raise Unreachable when nothing was heard for so long."""
        if time.monotonic() - self.heard_at >= patience_s:
            raise Unreachable(f"{url}: the stream of events was lost, and the gateway does not answer")

    def next_events(self) -> Steps[list[Event]]:
        """Return the new events of a row without a stream, once it has changed."""
        if self.row is None:
            return []
        history = yield from request_list(Event, Call("GET", f"{self.row.url}/events"))
        fresh, self._seen = history[self._seen :], len(history)
        if not fresh:
            self.row, self._tag = yield from look_for_change(self.row, self._tag)
        return fresh

    def may_be_over(self, event: Event) -> bool:
        """Return whether the event can be the row's last one."""
        return self.row is not None and event.to_state in _FINAL


class FollowWorkflow(Follow):
    """The place in the stream of a workflow's events and of those of its steps."""

    def __init__(self, workflow: Workflow) -> None:
        super().__init__(workflow, "")
        self._path = f"/events?workflow={workflow.id}"

    @property
    def call(self) -> Call:
        """The request that opens the stream behind the last event."""
        return Call("GET", self._path)


def follow_events(gateway: Reader, row: AnyRow | None, last_event_id: str) -> Iterator[Event]:
    """Yield the events of a row until it has ended, or those of all rows."""
    follow = Follow(row, last_event_id)
    while True:
        for event in _streamed(gateway, follow) if follow.has_streams else _looked(gateway, follow):
            yield event
            if row is not None and follow.may_be_over(event) and gateway.look(row).ended:
                return
        follow.check_patience(gateway.patience_s, gateway.url)


def _streamed(gateway: Reader, follow: Follow) -> Iterator[Event]:
    yield from read_stream(gateway, follow)
    if follow.has_streams:
        time.sleep(PAUSE_S)


def read_stream(gateway: Opener, follow: Follow) -> Iterator[Event]:
    """Yield the events of one stream until it ends or breaks."""
    try:
        with gateway.open_stream(follow.call.path, follow.headers) as answer:
            if not answer.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
                answer.read()
            for line in answer.iter_lines() if follow.check_answer(answer) else ():
                if (event := follow.read_line(line)) is not None:
                    yield event
    except httpx.RequestError:
        pass
    finally:
        follow.is_heard = False


def _looked(gateway: Reader, follow: Follow) -> Iterator[Event]:
    yield from gateway.carry_out(follow.next_events())
    follow.heard_at = time.monotonic()


async def follow_events_async(
    gateway: AsyncReader, row: AnyRow | None, last_event_id: str
) -> AsyncIterator[Event]:
    """Yield the events of a row until it has ended, or those of all rows."""
    follow = Follow(row, last_event_id)
    while True:
        events = _streamed_async(gateway, follow) if follow.has_streams else _looked_async(gateway, follow)
        async for event in events:
            yield event
            if row is not None and follow.may_be_over(event) and (await gateway.look(row)).ended:
                return
        follow.check_patience(gateway.patience_s, gateway.url)


async def _streamed_async(gateway: AsyncReader, follow: Follow) -> AsyncIterator[Event]:
    async for event in read_stream_async(gateway, follow):
        yield event
    if follow.has_streams:
        await asyncio.sleep(PAUSE_S)


async def read_stream_async(gateway: AsyncOpener, follow: Follow) -> AsyncIterator[Event]:
    """Yield the events of one stream until it ends or breaks."""
    try:
        async with gateway.open_stream(follow.call.path, follow.headers) as answer:
            if not answer.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
                await answer.aread()
            if follow.check_answer(answer):
                async for line in answer.aiter_lines():
                    if (event := follow.read_line(line)) is not None:
                        yield event
    except httpx.RequestError:
        pass
    finally:
        follow.is_heard = False


async def _looked_async(gateway: AsyncReader, follow: Follow) -> AsyncIterator[Event]:
    for event in await gateway.carry_out(follow.next_events()):
        yield event
    follow.heard_at = time.monotonic()
