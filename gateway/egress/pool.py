"""HTTP over connections that obey the policy: each goes to exactly the addresses that were judged.

A name is resolved when a connection is made, its addresses are judged, and libcurl, which speaks HTTP, is
pinned to these numbers; TLS still verifies the certificate against the name. So an answer of the name
server that changes between judgement and connection changes nothing. A connection whose answer was read
whole serves again, for a minute.
"""

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any

import certifi

from gateway.egress import policy
from gateway.egress.connection import HELD_BYTES, Body, Connection, Request, Take
from gateway.egress.curl import Account, Origin, origin_and_target
from gateway.egress.errors import broken_connection
from gateway.egress.headers import ResponseHead, request_lines, response_head
from gateway.egress.threads import LOOK_S, wait_for_thread
from gateway.settings import Settings

__all__ = ["Body", "ConnectionPool", "Response"]

KEPT_S = 60.0  # after that a name may mean something else
_Idle = defaultdict[Origin, list[Connection]]


class ConnectionPool:
    """The connections of one transfer: made when needed, used again, and cut all at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: _Idle = defaultdict(list)
        self._cut = threading.Event()
        self._watch: Callable[[], None] = lambda: None
        weakref.finalize(self, _close, self._idle)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, Any],
        body: bytes | str | Body | None = None,
        account: Account | None = None,
    ) -> "Response":
        """Send a request, signed for the account if there is one, and return its answer, whatever that says.

        Raises
        ------
        StorageUnavailable
            When the server does not answer, or the connection to it breaks.
        StorageError
            When the server may not be connected to, or its certificate cannot be verified.
        """
        place, target = origin_and_target(url)
        look = _Lookout(self._cut, self._tell, place)
        look()
        wire = self._take(place, look)
        try:
            wire.begin(_request(method, target, place, headers, body, account))
            while (head := response_head(wire.head)) is None:
                wire.check()
                wire.step()
                look()
        except BaseException:
            wire.close()
            raise
        return Response(head, wire, self._idle[place], look)

    @contextmanager
    def watched(self, watch: Callable[[], None]) -> Iterator[None]:
        """Call `watch` ten times a second while the block waits for a server; what it raises ends that.

        For a block that is alone with these connections: it is called in the thread that waits.
        """
        before, self._watch = self._watch, watch
        try:
            yield
        finally:
            self._watch = before

    def _tell(self) -> None:
        """Call whoever watches now, which is not who watched when an answer was asked for."""
        self._watch()

    def cut(self) -> None:
        """Break every connection in use, also those being made: whoever waits for one gets an error soon."""
        self._cut.set()
        self._cut = threading.Event()  # those of whoever goes on are not cut

    def close(self) -> None:
        """Close the connections that nobody uses."""
        _close(self._idle)

    def _take(self, place: Origin, look: Callable[[], None]) -> Connection:
        """Return a connection that was used before and is not old, or a new one."""
        idle = self._idle[place]
        while idle:
            with suppress(IndexError):
                wire = idle.pop()
                if time.monotonic() < wire.made_at + KEPT_S:
                    return wire
                wire.close()
        bundle = self._settings.ca_bundle or certifi.where()
        return Connection(place, self._resolved(place, look), self._settings, str(bundle))

    def _resolved(self, place: Origin, look: Callable[[], None]) -> list[str]:
        """Resolve in another thread, for nothing ends a look-up sooner."""
        allowed = self._settings.allowed_endpoints
        return wait_for_thread(lambda: policy.resolve(place.host, place.port, allowed), look)


class Response:
    """An open answer: its status, its headers by their names in lower case, and its body to be read."""

    def __init__(
        self, head: ResponseHead, wire: Connection, idle: list[Connection], look: Callable[[], None]
    ) -> None:
        self.status, self.reason, self.headers = head
        self._idle, self._look = idle, look
        self._wire: Connection | None = wire

    def pour(self, take: Take) -> None:
        """Give the body away in pieces, until there is no more of it or `take` returns False."""
        if self._wire is not None:
            self._wire.pour(take, self._look)

    def read(self, most: int | None = None) -> bytes:
        """Return the body, or no more than so much of it."""
        if self._wire is not None and self._is_whole(self._wire):
            return self._wire.rest()[:most]
        body = bytearray()

        def take(piece: memoryview) -> bool:
            body.extend(piece)
            return most is None or len(body) < most

        self.pour(take)
        return bytes(body[:most])

    def _is_whole(self, wire: Connection) -> bool:
        """Tell whether all of the body is there, after the rest of one that is short enough to be held."""
        told = self.headers.get("content-length", "")
        if told.isdecimal() and int(told) <= HELD_BYTES:
            while not wire.is_over:
                wire.step()
                self._look()
        return wire.is_whole

    def close(self) -> None:
        """Let the connection serve again, or close it when the answer was not whole."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        if wire.is_whole:
            self._idle.append(wire)
        else:
            wire.close()


class _Lookout:
    """Looks up from waiting once in a while: whether this was cut, and what the one says who watches."""

    def __init__(self, cut: threading.Event, tell: Callable[[], None], origin: Origin) -> None:
        self._cut, self._tell, self._origin, self._due = cut, tell, origin, 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + LOOK_S
        if self._cut.is_set():
            raise broken_connection(self._origin.url)
        self._tell()


def _close(idle: _Idle) -> None:
    for wires in idle.values():
        while wires:
            wires.pop().close()


def _request(  # noqa: PLR0917 (a request has so many parts)
    method: str,
    target: str,
    place: Origin,
    headers: Mapping[str, Any],
    body: bytes | str | Body | None,
    account: Account | None,
) -> Request:
    lines = request_lines({"Host": place.netloc, **headers})
    if body is None or isinstance(body, str | bytes):
        data = body.encode() if isinstance(body, str) else body or b""
        return Request(method, target, lines, BytesIO(data) if data else None, len(data), account)
    return Request(method, target, lines, body, int(headers["Content-Length"]), account)
