"""A pool of HTTP connections that obey the policy: each goes to exactly the addresses that it allowed.

A name is resolved when a connection is made, the policy checks its addresses, and libcurl, which speaks HTTP,
is pinned to these numbers; TLS still verifies the certificate against the name. So a name server that changes
its answer between check and connection changes nothing. After its answer was read whole, a connection serves
again, for a minute.
"""

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO

import certifi

from gateway.egress.bounds import ANSWER_S
from gateway.egress.connection import HELD_BYTES, Body, Connection, Request, Take
from gateway.egress.curl import Account, Origin, origin_and_target
from gateway.egress.errors import broken_connection, too_large_answer
from gateway.egress.headers import ResponseHead, parse_length, request_lines, response_head
from gateway.egress.look_up import look_up
from gateway.egress.patience import within
from gateway.egress.policy import AllowList
from gateway.egress.threads import POLL_S
from gateway.settings import Settings

REUSE_S = 60.0  # after that a name may have other addresses
_Idle = defaultdict[Origin, list[Connection]]


class ConnectionPool:
    """The connections of one transfer: made when needed, used again, and cut all at once."""

    def __init__(self, settings: Settings, allowed: AllowList | None = None) -> None:
        self._settings = settings
        self._allowed = AllowList(settings.allowed_endpoints) if allowed is None else allowed
        self._idle: _Idle = defaultdict(list)
        self._cut = threading.Event()
        self._watch: Callable[[], None] = lambda: None
        weakref.finalize(self, _close_idle, self._idle)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | bytes],
        body: bytes | str | Body | None = None,
        account: Account | None = None,
        *,
        is_patient: bool = False,
    ) -> "Response":
        """Send a request, signed for the account if there is one, and return its answer, errors included.

        The answer to a patient request may come slower than the least rate, for some minutes.

        Raises
        ------
        StorageUnavailable
            When the server does not answer, or the connection to it breaks.
        StorageError
            When the server may not be connected to, or its certificate cannot be verified.
        """
        origin, target = origin_and_target(url)
        check = _WaitCheck(self._cut, self._call_watch, origin)
        check()
        connection = self._connect(origin, check)
        try:
            lines = request_lines({"Host": origin.netloc, **headers})
            connection.begin(
                Request(method, target, lines, *_body_and_length(body, headers), account, is_patient)
            )
            while (head := response_head(connection.head)) is None:
                connection.check()
                connection.step()
                check()
        except BaseException:
            connection.close()
            raise
        return Response(head, connection, self._idle[origin], check, origin.url)

    @contextmanager
    def watched(self, watch: Callable[[], None]) -> Iterator[None]:
        """Call `watch` ten times a second while the block waits; an exception of `watch` ends the wait.

        The waiting thread calls it. Only one thread may use the connections inside the block.
        """
        before, self._watch = self._watch, watch
        try:
            yield
        finally:
            self._watch = before

    def _call_watch(self) -> None:
        """Call the current watch; the body may be read under a later watch than the request was sent."""
        self._watch()

    def cut(self) -> None:
        """Break every connection in use, also those being made: a thread that waits for one gets an error."""
        self._cut.set()
        self._cut = threading.Event()  # for requests from now on

    def close(self) -> None:
        """Close the idle connections."""
        _close_idle(self._idle)

    def _connect(self, origin: Origin, check: Callable[[], None]) -> Connection:
        """Return an idle connection that is not old, or a new one."""
        idle = self._idle[origin]
        while idle:
            with suppress(IndexError):
                connection = idle.pop()
                if time.monotonic() < connection.made_at + REUSE_S:
                    return connection
                connection.close()
        bundle = self._settings.ca_bundle or certifi.where()
        addresses = look_up(origin.host, origin.port, self._settings, self._allowed, check)
        return Connection(origin, addresses, self._settings, str(bundle))


class Response:
    """An open answer: its status, its headers by their names in lower case, and its body to be read."""

    def __init__(
        self,
        head: ResponseHead,
        connection: Connection,
        idle: list[Connection],
        check: Callable[[], None],
        server: str,
    ) -> None:
        self.status, self.reason, self.headers = head
        self._idle, self._check, self._server = idle, check, server
        self._connection: Connection | None = connection

    def stream(self, take: Take) -> None:
        """Pass the body to `take` in pieces, until its end or until `take` returns False."""
        if self._connection is not None:
            self._connection.stream(take, self._check)

    def read(self, most: int) -> bytes:
        """Return the whole body, or raise StorageError when it is longer than `most`."""
        body = self.read_start(most + 1)
        if len(body) > most:
            raise too_large_answer(self._server, f"a body of more than {most} bytes")
        return body

    def read_start(self, most: int) -> bytes:
        """Return the body, or no more than its first bytes."""
        if self._connection is not None and self._is_whole(self._connection):
            return self._connection.take_held()[:most]
        body, check = bytearray(), within(ANSWER_S, self._check, self._server)

        def take(piece: memoryview) -> bool:
            body.extend(piece)
            return len(body) < most

        if self._connection is not None:
            self._connection.stream(take, check)
        return bytes(body[:most])

    def _is_whole(self, connection: Connection) -> bool:
        """Return whether the whole body has arrived; wait for the rest of a body of 64 KiB or less."""
        length = parse_length(self.headers.get("content-length", ""))
        if length is not None and length <= HELD_BYTES:
            while not (connection.is_over or connection.holds_all_it_can):  # it may be longer than it says
                connection.step()
                self._check()
        return connection.is_whole

    def close(self) -> None:
        """Let the connection serve again, or close it when the answer was not whole."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.is_whole:
            self._idle.append(connection)
        else:
            connection.close()


class _WaitCheck:
    """The check of a waiting request, ten times a second: whether it was cut, and the caller's watch."""

    def __init__(self, cut: threading.Event, watch: Callable[[], None], origin: Origin) -> None:
        self._cut, self._watch, self._origin, self._due = cut, watch, origin, 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + POLL_S
        if self._cut.is_set():
            raise broken_connection(self._origin.url)
        self._watch()


def _close_idle(idle: _Idle) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _body_and_length(
    body: bytes | str | Body | None, headers: Mapping[str, str | bytes]
) -> tuple[Body | None, int]:
    if body is None or isinstance(body, str | bytes):
        data = body.encode() if isinstance(body, str) else body or b""
        return BytesIO(data) if data else None, len(data)
    return body, int(headers["Content-Length"])
