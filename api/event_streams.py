"""Server-sent events: the history behind the client's `Last-Event-ID`, then each event as it is committed."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Send
from starlette.types import Scope as RequestScope

from api.deps import read_rows
from api.event_hub import Subscription, encode_frame, hub
from api.problems import responses
from api.request_metrics import WAITED_S
from api.row_reads import list_events
from api.stream_tokens import token_of
from gateway.callers import Caller
from gateway.events.cursor import START, Cursor, parse_cursor
from gateway.events.feed import FeedScope, Replay, replay
from gateway.work.listing import Kind
from gateway.work.statuses import check_visible

MEDIA_TYPE = "text/event-stream"
COMMENT_S = 15.0
LONGEST_SEND_S = 60.0  # for a client that does not read
LAST_SEND_S = 0.2
_COMMENT = b":\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": f"The history, or with `Accept: {MEDIA_TYPE}` the stream",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **responses(400, 404, 429, 503),
}
LastEventId = Annotated[
    str | None,
    Header(description="The `id` of the last event that a stream has brought: the stream goes on behind it."),
]


def asks_for_stream(request: Request) -> bool:
    """Return whether the request accepts server-sent events by name."""
    accepted = ",".join(request.headers.getlist("accept")).split(",")
    return any(each.partition(";")[0].strip().lower() == MEDIA_TYPE for each in accepted)


async def answer_row_events(
    request: Request, kind: Kind, row_id: UUID, caller: Caller, last_event_id: str | None
) -> Response:
    """Return a row's history, or its stream, which begins with the whole history."""
    if not asks_for_stream(request):
        return await run_in_threadpool(list_events, kind, row_id, caller)
    scope = FeedScope(row_id=row_id)
    return await open_row_stream(request, kind, row_id, caller, last_event_id, scope=scope)


async def open_row_stream(
    request: Request, kind: Kind, row_id: UUID, caller: Caller, last_event_id: str | None, *, scope: FeedScope
) -> "EventStream":
    """Return the stream of a row's events, from the first on; NotFound where the caller sees no row."""
    cursor = parse_cursor(last_event_id) if last_event_id else START
    await run_in_threadpool(_check_row, kind, row_id, caller)
    return await open_stream(request, caller, scope, cursor)


def _check_row(kind: Kind, row_id: UUID, caller: Caller) -> None:
    read_rows(lambda connection: check_visible(connection, kind, row_id, caller))


async def open_stream(
    request: Request, caller: Caller, scope: FeedScope, cursor: Cursor | None
) -> "EventStream":
    """Return the stream of a reader behind its cursor, by default from now on; TooMany beyond a limit."""
    with ExitStack() as place:
        subscription = place.enter_context(hub.subscription(caller.owner, scope, token_of(request)))
        subscription.start()
        current = await hub.current_cursor()
        return EventStream(subscription, current if cursor is None else cursor, place.pop_all(), current)


class EventStream(Response):
    """The open stream. It ends with its client, with its key, when the service stops, or without a reader."""

    media_type = MEDIA_TYPE

    def __init__(self, subscription: Subscription, cursor: Cursor, place: ExitStack, current: Cursor) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._subscription, self._cursor, self._place = subscription, cursor, place
        self._is_current = cursor == current

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        """Send the events until the stream is over."""
        started = time.monotonic()
        with self._place:
            watch = asyncio.create_task(_until_hang_up(receive))
            watch.add_done_callback(lambda _: self._subscription.end())
            try:
                await self._send(send)
            finally:
                watch.cancel()
                scope[WAITED_S] = time.monotonic() - started

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with suppress(TimeoutError):
            async with aclosing(self._texts()) as texts:
                async for text in texts:
                    async with asyncio.timeout(LONGEST_SEND_S) as self._subscription.sending:
                        await send({"type": "http.response.body", "body": text, "more_body": True})
                    self._subscription.sending = None
                    if self._subscription.is_over:
                        break
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SEND_S):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _texts(self) -> AsyncGenerator[bytes, None]:
        """Yield the text of the stream: replays while the reader lags behind, live events, comments."""
        yield _COMMENT
        while not self._subscription.is_over:
            if not self._is_current:
                self._subscription.start()
                async for text in self._replayed():
                    yield text
            self._is_current = False
            while not (self._subscription.is_lagging or self._subscription.is_over):
                frames = await self._subscription.next_frames(COMMENT_S)
                fresh = [frame for frame in frames if frame.cursor > self._cursor]
                if fresh:
                    self._cursor = fresh[-1].cursor
                if fresh or not frames:
                    yield b"".join(frame.text for frame in fresh) or _COMMENT

    async def _replayed(self) -> AsyncGenerator[bytes, None]:
        """Yield the events behind the cursor that the database has; a reset where some are lost."""
        while not self._subscription.is_over:
            async with hub.replay_turn(self._subscription.owner):
                window = await run_in_threadpool(self._read)
            self._cursor = window.cursor
            if window.reset:
                yield reset_text(window.cursor)
            elif window.events:
                yield b"".join(encode_frame(event).text for event in window.events)
            if window.is_end:
                return

    def _read(self) -> Replay:
        scope, cursor = self._subscription.scope, self._cursor
        return read_rows(lambda connection: replay(connection, cursor, scope))


def reset_text(cursor: Cursor) -> bytes:
    """Return the event that tells a reader of lost events; the stream goes on from here."""
    data = {"reason": "events before this one are no longer there: read the states anew"}
    return f"id: {cursor}\nevent: reset\ndata: ".encode() + to_json(data) + b"\n\n"


async def _until_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
