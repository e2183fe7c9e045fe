"""One connection of libcurl's, driven in short steps: who waits for it looks up in between.

A wire leads to one place, and there to no other address than those that were judged, however often
libcurl connects. Its socket is waited for here, for at most a tenth of a second at a time.
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

from gateway.egress.curl import Account, Origin, new_handle, sign_for
from gateway.egress.errors import broken_connection, curl_error, silent_server
from gateway.egress.threads import LOOK_S
from gateway.errors import Fault, StorageError
from gateway.settings import Settings

Take = Callable[[memoryview], bool]  # learns the next bytes, and tells whether more of them are wanted

HELD_BYTES = 64 << 10  # of a body that nobody has asked for yet
_PIECE_BYTES = 1 << 20  # what libcurl gives in pieces of 16 KiB is handed on in such ones
_SENDING = frozenset({"PUT", "POST"})
_AWAITED = {pycurl.POLL_IN: POLLIN, pycurl.POLL_OUT: POLLOUT, pycurl.POLL_INOUT: POLLIN | POLLOUT}
_READY = (
    (POLLIN | POLLHUP | POLLERR, pycurl.CSELECT_IN),
    (POLLOUT, pycurl.CSELECT_OUT),
    (POLLERR, pycurl.CSELECT_ERR),
)


class Body(Protocol):
    """Something that is sent: it is read from its start, and perhaps once more."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, /) -> int:
        """Go back to where it is read again."""


class SizedBody(Body, Protocol):
    """A body whose length is known before it is sent."""

    def __len__(self) -> int: ...


class Request(NamedTuple):
    """What is asked for."""

    method: str
    target: str
    headers: Sequence[bytes]  # whole lines
    body: Body | None
    length: int
    account: Account | None  # for whom it is signed here


class Connection:
    """A connection that carries one request after the other."""

    def __init__(self, place: Origin, addresses: Sequence[str], settings: Settings, bundle: str) -> None:
        self.made_at = time.monotonic()
        self._place, self._patience_s = place, settings.read_timeout_s
        self._judged = {ip_address(address) for address in addresses}
        self._sockets, self._timer_ms = poll(), -1
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._heed)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._remind)
        self._account: Account | None = None
        self._spout = _PieceWriter()
        self._easy = new_handle(place, addresses, settings, bundle)
        self._easy.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        self._easy.setopt(pycurl.READFUNCTION, self._read)
        self._easy.setopt(pycurl.SEEKFUNCTION, self._seek)

    def begin(self, request: Request) -> None:
        """Start a request; steps carry it out."""
        self.head, self.held, self.is_over = list[bytes](), list[bytes](), False
        self._held_bytes, self._body = 0, request.body
        self._error: BaseException | None = None
        easy = self._easy
        if request.account != self._account:
            sign_for(easy, request.account)
            self._account = request.account
        # What libcurl signs it must see; anything else it would write in its own way.
        easy.setopt(pycurl.URL, self._place.url + (request.target if request.account else "/"))
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
        self._quiet_since = time.monotonic()
        self._multi.add_handle(easy)
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def step(self) -> None:
        """Wait a moment for something to happen, and let libcurl act on it."""
        if self.is_over:  # and who waits still waits, for what was not an answer
            raise broken_connection(self._place.url)
        ready = self._sockets.poll(
            LOOK_S * 1000 if self._timer_ms < 0 else min(LOOK_S * 1000, self._timer_ms)
        )
        for number, events in ready:
            self._act(number, sum(flag for mask, flag in _READY if events & mask))
        if ready:
            self._quiet_since = time.monotonic()
        else:
            self._timer_ms = -1
            self._act(pycurl.SOCKET_TIMEOUT, 0)
            self._check_patience()

    def pour(self, take: Take, look: Callable[[], None]) -> None:
        """Give the body away in large pieces, until there is no more of it or `take` returns False."""
        spout, writer = self._spout, self._writer
        spout.open(take)
        for piece in self.held:
            writer.write(piece)
        self.held = []
        try:
            if not self.is_over:
                self._easy.setopt(pycurl.WRITEFUNCTION, writer.write)
                self._easy.pause(pycurl.PAUSE_CONT)
            while not self.is_over and spout.is_open:
                self.step()
                look()
        finally:
            writer.flush()  # whatever has ended this: the writer would do it by itself, but who knows when
        if spout.error is not None:
            raise spout.error
        if spout.is_open:
            self.check()

    @cached_property
    def _writer(self) -> BufferedWriter:
        return BufferedWriter(self._spout, _PIECE_BYTES)

    @property
    def is_whole(self) -> bool:
        """Tell whether all of the answer has come, so that there may be another one."""
        return self.is_over and self._error is None

    def rest(self) -> bytes:
        """Return what has come and was not given away."""
        held, self.held = self.held, []
        return b"".join(held)

    def check(self) -> None:
        """Raise what has gone wrong, if something has."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the connection."""
        self._multi.close()
        self._easy.close()

    def _act(self, number: int, events: int) -> None:
        """Let libcurl do what it can without waiting, and see whether the request is over."""
        if self.is_over or self._multi.socket_action(number, events)[1]:
            return
        self.is_over = True
        failed = self._multi.info_read()[2]
        self._multi.remove_handle(self._easy)
        if failed and self._error is None:
            self._error = curl_error(failed[0][1], failed[0][2], self._place)

    def _check_patience(self) -> None:
        """Raise when the server is silent for too long; libcurl itself sees to the time of connecting."""
        is_late = time.monotonic() - self._quiet_since > self._patience_s
        if is_late and not self.is_over and self._easy.getinfo(pycurl.PRETRANSFER_TIME):
            raise silent_server(self._place.url)

    def _heed(self, event: int, number: int, *_: object) -> None:
        """Learn which socket libcurl waits for, and what for."""
        if event in _AWAITED:
            self._sockets.register(number, _AWAITED[event])
        else:
            self._sockets.unregister(number)

    def _remind(self, timer_ms: int) -> None:
        self._timer_ms = timer_ms

    def _open(self, _: int, address: Any) -> Any:
        """Open a socket to an address that was judged, and to no other."""
        if ip_address(address.addr[0]) in self._judged:
            return socket.socket(address.family, address.socktype, address.protocol).detach()
        self._error = StorageError(
            f"{self._place.host} leads to {address.addr[0]}, which was not judged", Fault.PERMISSION
        )
        return pycurl.SOCKET_BAD

    def _hold(self, piece: bytes) -> Any:
        """Keep the beginning of the body, and let the rest wait for who wants it."""
        if self._held_bytes >= HELD_BYTES:
            return pycurl.WRITEFUNC_PAUSE
        self._held_bytes += len(piece)
        self.held.append(piece)
        return None

    def _read(self, size: int) -> Any:
        try:
            return self._body.read(size) if self._body else b""
        except BaseException as error:  # noqa: BLE001  raised again by who waits for the answer
            self._error = error
            return pycurl.READFUNC_ABORT

    def _seek(self, offset: int, _: int) -> None:
        if self._body:
            self._body.seek(offset)


class _PieceWriter(RawIOBase):
    """Where large pieces come out; closed once nobody wants more of them."""

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
