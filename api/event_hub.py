"""The hub of event streams: one reader of the events in this process hands each to the streams it is for.

A stream's queue is bounded. One that is full is emptied, and its stream replays from the database later.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from api.stream_tokens import find_refused
from gateway.errors import TooMany, Unavailable
from gateway.events.cursor import START, Cursor
from gateway.events.feed import FeedEvent, FeedScope, read_feed
from gateway.events.following import follow_events
from gateway.settings import get_settings

MOST_QUEUED = 256
RECHECK_S = 5.0
WOKEN_AT_ONCE = 50
FIRST_LOOK_S = 10.0
REPLAYS_AT_ONCE = 4  # so that status reads find threads and connections
REPLAYS_OF_OWNER = 2
AGAIN_S = 10.0
_ALL = FeedScope()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as all streams send it, and its place."""

    cursor: Cursor
    text: bytes


def encode_frame(event: FeedEvent) -> Frame:
    """Return the event in the form of server-sent events."""
    head = f"id: {event.cursor}\nevent: {event.to_state}\ndata: ".encode()
    return Frame(event.cursor, head + to_json(event.data()) + b"\n\n")


class Subscription:
    """The live events of one stream, from `start` on; `is_lagging` once the queue has overflown."""

    def __init__(self, owner: str, scope: FeedScope, token: str | None) -> None:
        self.owner, self.scope, self.token = owner, scope, token
        self.is_over, self.is_lagging = False, True
        self.sending: asyncio.Timeout | None = None
        self._frames: list[Frame] = []
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Queue events from now on."""
        self._frames, self.is_lagging = [], False

    def put(self, frame: Frame) -> None:
        """Queue an event, or give up queueing."""
        if self.is_lagging:
            return
        if len(self._frames) >= MOST_QUEUED:
            self._frames, self.is_lagging = [], True
        else:
            self._frames.append(frame)
        self._changed.set()

    def end(self) -> None:
        """End the stream, also while it waits for a client that does not read."""
        self.is_over = True
        self._changed.set()
        if self.sending is not None:
            self.sending.reschedule(asyncio.get_running_loop().time())

    async def next_frames(self, within_s: float) -> list[Frame]:
        """Return the queued events, as soon as there are any; none when the time is over."""
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return []
        self._changed.clear()
        frames, self._frames = self._frames, []
        return frames


class EventHub:
    """All event streams of this process, and the task that reads the events while there are any."""

    def __init__(self) -> None:
        self.is_closed = False
        self.cursor = START
        self._replays = asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._replaying = WeakValueDictionary[str, asyncio.Semaphore]()
        self._by_scope: dict[FeedScope, set[Subscription]] = {}
        self._numbers: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()

    @property
    def number(self) -> int:
        """The number of streams."""
        return self._numbers.total()

    @contextmanager
    def subscription(self, owner: str, scope: FeedScope, token: str | None) -> Iterator[Subscription]:
        """Hold a place for a stream of the owner's, or raise TooMany."""
        self._check_limits(owner)
        subscription = Subscription(owner, scope, token)
        self._numbers[owner] += 1
        self._by_scope.setdefault(scope, set()).add(subscription)
        if self._task is None or self._task.done():
            self._looked = asyncio.Event()
            self._task = asyncio.create_task(self._follow())
        try:
            yield subscription
        finally:
            self._leave(owner, subscription)

    @asynccontextmanager
    async def replay_turn(self, owner: str) -> AsyncGenerator[None, None]:
        """Hold a place for one window of a replay: an owner has some of them, and leaves others."""
        async with self._replaying.setdefault(owner, asyncio.Semaphore(REPLAYS_OF_OWNER)), self._replays:
            yield

    async def current_cursor(self) -> Cursor:
        """Return the place behind which live events come, or raise Unavailable while the database is away."""
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()
        except TimeoutError:
            raise Unavailable("the gateway's database is away; try again shortly") from None
        return self.cursor

    def open(self) -> None:
        """Admit streams, in the event loop of the application."""
        self.is_closed, self._replays = False, asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._replaying = WeakValueDictionary()

    def close(self) -> None:
        """End all streams, as the service stops."""
        self.is_closed = True
        for subscription in self._all():
            subscription.end()

    def _check_limits(self, owner: str) -> None:
        settings = get_settings()
        if self.is_closed:
            raise Unavailable("this process of the gateway stops; connect again")
        if self._numbers[owner] >= settings.streams_per_owner:
            most = settings.streams_per_owner
            raise TooMany(f"you have {most} streams of events already: close one first", AGAIN_S)
        if self.number >= settings.streams:
            most = settings.streams
            raise TooMany(f"{most} streams of events are open already: try again later", AGAIN_S)

    def _leave(self, owner: str, subscription: Subscription) -> None:
        self._numbers[owner] -= 1
        self._numbers += Counter()  # keeps those above zero
        others = self._by_scope[subscription.scope]
        others.discard(subscription)
        if not others:
            del self._by_scope[subscription.scope]

    def _all(self) -> list[Subscription]:
        return [each for some in self._by_scope.values() for each in some]

    async def _follow(self) -> None:
        try:
            await self._hand_out_all()
        finally:  # an error ends the streams: their clients connect again
            for subscription in self._all():
                subscription.end()

    async def _hand_out_all(self) -> None:
        checked = time.monotonic()
        async with aclosing(follow_events(read_feed, lambda: bool(self._by_scope))) as looks:
            async for look in looks:
                if (
                    look.cursor is not None
                ):  # a stream that begins now replays the events that are handed out now
                    self.cursor = look.cursor
                    self._looked.set()
                for event in look.found:
                    await self._hand_out(event)
                if time.monotonic() - checked >= RECHECK_S:
                    await self._end_refused()
                    checked = time.monotonic()

    async def _hand_out(self, event: FeedEvent) -> None:
        """Queue the event for its streams, some at a time: requests have their turn between these."""
        scopes = [FeedScope(row_id=event.row_id)]
        if event.workflow_id is not None:
            scopes.append(FeedScope(workflow_id=event.workflow_id))
        if not event.is_part:
            scopes += [FeedScope(owner=event.owner), _ALL]
        readers = [each for scope in scopes for each in self._by_scope.get(scope, ())]
        if readers:
            frame = encode_frame(event)
            for number, reader in enumerate(readers, start=1):
                reader.put(frame)
                if number % WOKEN_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _end_refused(self) -> None:
        """End the streams whose key or token is no longer valid."""
        tokens = {each.token for each in self._all() if each.token is not None}
        refused = await run_in_threadpool(find_refused, tokens) if tokens else set()
        for subscription in self._all():
            if subscription.token in refused:
                subscription.end()


hub = EventHub()
