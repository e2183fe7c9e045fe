"""One libcurl connection, driven in steps of at most 0.1 s so that a waiting caller can be cancelled.

A connection leads to one origin, and there to no other addresses than those that the policy allowed, however
often libcurl connects. Its socket is polled here.
"""

import socket
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from io import BufferedWriter, RawIOBase
from ipaddress import ip_address
from select import POLLERR, POLLHUP, POLLIN, POLLOUT, poll
from typing import Any, NamedTuple, Protocol

import pycurl

from gateway.egress.bounds import HEAD_BYTES, HEAD_LINES
from gateway.egress.curl import Account, Origin, new_handle, sign_for
from gateway.egress.errors import broken_connection, curl_error, too_large_answer
from gateway.egress.headers import is_final_status
from gateway.egress.patience import Patience
from gateway.egress.threads import POLL_S
from gateway.errors import Fault, StorageError
from gateway.settings import Settings

Take = Callable[[memoryview], bool]  # accepts the next bytes, and returns whether more of them are wanted

HELD_BYTES = 64 << 10  # of a body before its reader asks for it
_PIECE_BYTES = 1 << 20  # libcurl's pieces of 16 KiB are joined to larger ones
_SENDING = frozenset({"PUT", "POST"})
_POLL_EVENTS = {pycurl.POLL_IN: POLLIN, pycurl.POLL_OUT: POLLOUT, pycurl.POLL_INOUT: POLLIN | POLLOUT}
_CURL_EVENTS = (
    (POLLIN | POLLHUP | POLLERR, pycurl.CSELECT_IN),
    (POLLOUT, pycurl.CSELECT_OUT),
    (POLLERR, pycurl.CSELECT_ERR),
)


class Body(Protocol):
    """The body of a request: it is read from its start, and perhaps once more."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, /) -> int:
        """Go back to where it is read again."""


class SizedBody(Body, Protocol):
    """A body of known length."""

    def __len__(self) -> int: ...


class Request(NamedTuple):
    """An HTTP request to the connection's origin."""

    method: str
    target: str
    headers: Sequence[bytes]  # whole lines
    body: Body | None
    length: int
    account: Account | None  # that libcurl signs for
    is_patient: bool = False  # its answer may be slower than the least rate


class Connection:
    """A connection that carries one request after the other."""

    def __init__(self, origin: Origin, addresses: Sequence[str], settings: Settings, bundle: str) -> None:
        self.made_at = time.monotonic()
        self._origin, self._patience = origin, Patience(origin.url, settings)
        self._addresses = {ip_address(address) for address in addresses}
        self._sockets, self._timer_ms = poll(), -1
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._account: Account | None = None
        self._pieces = _PieceWriter()
        self._easy = new_handle(origin, addresses, settings, bundle)
        self._easy.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        self._easy.setopt(pycurl.READFUNCTION, self._read_body)
        self._easy.setopt(pycurl.SEEKFUNCTION, self._seek_body)

    def begin(self, request: Request) -> None:
        """Start a request; steps carry it out."""
        self.head, self.held, self.is_over = list[bytes](), list[bytes](), False
        self._held_bytes, self._request, self._is_answered, self._moved = 0, request, False, -1
        self._error: BaseException | None = None
        self._ready_s, self._step_s, self._head_lines = 0.0, 0.0, 0
        easy = self._easy
        if request.account != self._account:
            sign_for(easy, request.account)
            self._account = request.account
        # libcurl signs the path of its URL, and would write any other path in its own way.
        easy.setopt(pycurl.URL, self._origin.url + (request.target if request.account else "/"))
        easy.setopt(pycurl.REQUEST_TARGET, request.target)
        if request.body is not None or request.method in _SENDING:
            easy.setopt(pycurl.UPLOAD, 1)
            easy.setopt(pycurl.INFILESIZE_LARGE, request.length)
        else:
            easy.setopt(pycurl.NOBODY if request.method == "HEAD" else pycurl.HTTPGET, 1)
        easy.setopt(pycurl.CUSTOMREQUEST, request.method)
        easy.setopt(pycurl.HTTPHEADER, request.headers)
        easy.setopt(pycurl.HEADERFUNCTION, self.head.append)
        easy.setopt(pycurl.WRITEFUNCTION, self._hold)
        self._patience.begin(is_patient=request.is_patient)
        self._multi.add_handle(easy)
        self._run_libcurl(pycurl.SOCKET_TIMEOUT, 0)

    def step(self) -> None:
        """Wait up to 0.1 s for the socket, and let libcurl act on it."""
        if self.is_over:  # the caller waits for more than has come
            raise broken_connection(self._origin.url)
        begun = time.monotonic()
        ready = self._sockets.poll(
            POLL_S * 1000 if self._timer_ms < 0 else min(POLL_S * 1000, self._timer_ms)
        )
        waited_s = time.monotonic() - begun  # a slow disk and pauses of the caller do not count
        for number, events in ready:
            self._run_libcurl(number, sum(flag for mask, flag in _CURL_EVENTS if events & mask))
        if not ready:
            self._timer_ms = -1
            self._run_libcurl(pycurl.SOCKET_TIMEOUT, 0)
        if len(self.head) > self._head_lines:
            self._check_head()
        if not self.is_over:
            self._count_wait(waited_s, time.monotonic() - begun, is_ready=bool(ready))

    def stream(self, take: Take, check: Callable[[], None]) -> None:
        """Pass the body to `take` in large pieces, until its end or until `take` returns False."""
        pieces, writer = self._pieces, self._writer
        pieces.open(take)
        for piece in self.held:
            writer.write(piece)
        self.held = []
        try:
            if not self.is_over:
                self._easy.setopt(pycurl.WRITEFUNCTION, writer.write)
                self._easy.pause(pycurl.PAUSE_CONT)
            while not self.is_over and pieces.is_open:
                self.step()
                check()
        finally:
            writer.flush()  # after errors too: else the rest would come when the writer is collected
        if pieces.error is not None:
            raise pieces.error
        if pieces.is_open:
            self.check()

    @property
    def is_connected(self) -> bool:
        """Whether the request can be sent; libcurl itself limits the time until then."""
        return bool(self._easy.getinfo(pycurl.PRETRANSFER_TIME))

    @property
    def is_sent(self) -> bool:
        """Whether all of the request's body has been sent."""
        return int(self._easy.getinfo(pycurl.SIZE_UPLOAD_T)) >= self._request.length

    @property
    def is_answered(self) -> bool:
        """Whether the first line of the final answer has come."""
        self._is_answered = self._is_answered or any(map(is_final_status, self.head))
        return self._is_answered

    @property
    def moved_bytes(self) -> int:
        """The bytes of the request's body and of its answer that have passed."""
        kinds = (pycurl.SIZE_UPLOAD_T, pycurl.SIZE_DOWNLOAD_T, pycurl.HEADER_SIZE)
        return sum(int(self._easy.getinfo(kind)) for kind in kinds)

    @cached_property
    def _writer(self) -> BufferedWriter:
        return BufferedWriter(self._pieces, _PIECE_BYTES)

    @property
    def is_whole(self) -> bool:
        """Whether all of the answer has come, so that there may be another one."""
        return self.is_over and self._error is None

    @property
    def holds_all_it_can(self) -> bool:
        """Whether more of the body comes only once its reader is there."""
        return self._held_bytes >= HELD_BYTES

    def take_held(self) -> bytes:
        """Return the bytes that have come so far."""
        held, self.held = self.held, []
        return b"".join(held)

    def check(self) -> None:
        """Raise the error of the request, if there is one."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the connection."""
        self._multi.close()
        self._easy.close()

    def _run_libcurl(self, number: int, events: int) -> None:
        """Let libcurl do all that needs no waiting, and note the end of the request."""
        if self.is_over or self._multi.socket_action(number, events)[1]:
            return
        self.is_over = True
        failed = self._multi.info_read()[2]
        self._multi.remove_handle(self._easy)
        if failed and self._error is None:
            self._error = curl_error(failed[0][1], failed[0][2], self._origin)

    def _watch_socket(self, event: int, number: int, *_: object) -> None:
        """Poll a socket for libcurl from now on, or poll it no more."""
        if event in _POLL_EVENTS:
            self._sockets.register(number, _POLL_EVENTS[event])
        else:
            self._sockets.unregister(number)

    def _set_timer(self, timer_ms: int) -> None:
        self._timer_ms = timer_ms

    def _open_socket(self, _: int, address: Any) -> int:
        """Open a socket to an allowed address, and to no other."""
        if ip_address(address.addr[0]) in self._addresses:
            return socket.socket(address.family, address.socktype, address.protocol).detach()
        self._error = StorageError(
            f"{self._origin.host} leads to {address.addr[0]}, which the egress policy has not allowed",
            Fault.PERMISSION,
        )
        return int(pycurl.SOCKET_BAD)

    def _count_wait(self, waited_s: float, step_s: float, *, is_ready: bool) -> None:
        """Count a wait; those that the socket ends are mostly so short that they are counted together."""
        if is_ready:
            self._ready_s, self._step_s = self._ready_s + waited_s, self._step_s + step_s
        if self._step_s and (not is_ready or self._step_s >= POLL_S):
            self._count_ready()
        if not is_ready:
            self._patience.count(waited_s, self, is_ready=False)

    def _count_ready(self) -> None:
        """Count the steps that the socket began; those that moved no byte are waits as a whole.

        Chunk extensions, for one, may come without a pause and without an end.
        """
        before, self._moved = self._moved, self.moved_bytes
        is_idle = self._moved == before and self.is_answered
        self._patience.count(self._step_s if is_idle else self._ready_s, self, is_ready=True)
        self._ready_s = self._step_s = 0.0

    def _check_head(self) -> None:
        """Raise for a head that is too long, with interim answers and trailers."""
        self._head_lines = len(self.head)
        if len(self.head) > HEAD_LINES or self._easy.getinfo(pycurl.HEADER_SIZE) > HEAD_BYTES:
            found = f"more than {HEAD_LINES} lines or {HEAD_BYTES} bytes of headers"
            raise too_large_answer(self._origin.url, found)

    def _hold(self, piece: bytes) -> int | None:
        """Keep the beginning of the body; pause the rest until its reader comes."""
        if self.holds_all_it_can:
            return int(pycurl.WRITEFUNC_PAUSE)
        self._held_bytes += len(piece)
        self.held.append(piece)
        return None

    def _read_body(self, size: int) -> bytes | int:
        try:
            return self._request.body.read(size) if self._request.body else b""
        except BaseException as error:  # noqa: BLE001  raised again outside of libcurl
            self._error = error
            return int(pycurl.READFUNC_ABORT)

    def _seek_body(self, offset: int, _: int) -> None:
        if self._request.body:
            self._request.body.seek(offset)


class _PieceWriter(RawIOBase):
    """The end of a buffer: each large piece goes to the reader, until the reader wants no more."""

    def open(self, take: Take) -> None:
        self._take, self.is_open = take, True
        self.error: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, piece: Any, /) -> int:
        try:
            self.is_open = self.is_open and self._take(piece)
        except BaseException as error:  # noqa: BLE001  raised again outside of libcurl
            self.error, self.is_open = error, False
        return len(piece)
