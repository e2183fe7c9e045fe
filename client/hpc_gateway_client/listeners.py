"""Listeners of the clients: they read a workflow's events in the background, while the client waits for them.

A stream that breaks is opened again behind its last event. One that is refused, or that brings no event in
`MOST_TRIES` tries, is given up: the client then asks with `?wait=`.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import httpx

from hpc_gateway_client.errors import EventsLost, GatewayClientError
from hpc_gateway_client.event_stream import (
    PAUSE_S,
    AsyncOpener,
    FollowWorkflow,
    Opener,
    read_stream,
    read_stream_async,
)
from hpc_gateway_client.models import Workflow
from hpc_gateway_client.steps import Listener

MOST_TRIES = 30
_GIVEN_UP = (GatewayClientError, httpx.HTTPError, RuntimeError)  # RuntimeError: the client is closed


class _Hearing(Listener):
    """The state of both listeners: the place in the stream, and the tries since the last event."""

    def __init__(self, workflow: Workflow, rung: threading.Event | asyncio.Event) -> None:
        self._follow, self._tries, self._ring = FollowWorkflow(workflow), 0, rung.set

    @property
    def is_heard(self) -> bool:
        return self._follow.is_heard and not self.is_closed

    def _tries_again(self) -> bool:
        """Count a try, and return whether to make it."""
        self._tries += 1
        return not self.is_closed and self._follow.has_streams and self._tries <= MOST_TRIES

    def _hear(self) -> None:
        """End the client's wait."""
        self._tries = 0
        self._ring()


class BlockingListener(_Hearing):
    """The listener of the blocking client: a thread of its own reads the stream."""

    def __init__(self, gateway: Opener, workflow: Workflow) -> None:
        self._gateway, self._rung, self._over = gateway, threading.Event(), threading.Event()
        super().__init__(workflow, self._rung)
        self._answer: httpx.Response | None = None
        threading.Thread(target=self._listen, name="hpc-gateway-events", daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Wait for an event."""
        self.is_told = self._rung.wait(seconds)
        self._rung.clear()

    def close(self) -> None:
        """Stop listening, and end the stream."""
        super().close()
        self._over.set()
        if self._answer is not None:
            _shut(self._answer)

    @contextmanager
    def open_stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Open a stream on a connection that nothing uses after it, so that `close` can end it."""
        with self._gateway.open_stream(path, {**headers, "Connection": "close"}) as self._answer:
            if self.is_closed:
                _shut(self._answer)
            yield self._answer

    def _listen(self) -> None:
        with suppress(*_GIVEN_UP):
            while self._tries_again():
                self._read()
                self._over.wait(PAUSE_S)

    def _read(self) -> None:
        try:
            for _ in read_stream(self, self._follow):
                self._hear()
        except EventsLost:
            self._hear()


class AsyncListener(_Hearing):
    """The listener of the async client: a task reads the stream."""

    def __init__(self, gateway: AsyncOpener, workflow: Workflow) -> None:
        self._gateway, self._rung = gateway, asyncio.Event()
        super().__init__(workflow, self._rung)
        self._task = asyncio.create_task(self._listen())

    async def wait(self, seconds: float) -> None:
        """Wait for an event."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self.is_told = self._rung.is_set()
        self._rung.clear()

    def close(self) -> None:
        """Stop listening, and end the stream."""
        super().close()
        self._task.cancel()

    async def _listen(self) -> None:
        with suppress(*_GIVEN_UP):
            while self._tries_again():
                await self._read()
                await asyncio.sleep(PAUSE_S)

    async def _read(self) -> None:
        try:
            async for _ in read_stream_async(self._gateway, self._follow):
                self._hear()
        except EventsLost:
            self._hear()


def _shut(answer: httpx.Response) -> None:
    """End the connection of a stream, so that the thread that reads it goes on."""
    stream = answer.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # of TLS, too
