"""HTTP over connections that obey the policy: each goes to exactly the addresses that were judged.

A name is resolved when a connection is made, its addresses are judged, and the socket is opened to one
of these numbers; TLS still verifies the certificate against the name. So an answer of the name server
that changes between judgement and connection changes nothing. The standard library speaks HTTP, with
botocore's way of waiting for a `100 Continue`; a connection whose answer was read whole serves again.
"""

import socket
import ssl
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from select import POLLIN, poll
from typing import IO, Any, Protocol, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSConnection
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import get_cert_path

from gateway.settings import Settings
from gateway.storage import policy

BLOCK_BYTES = 1 << 20  # what is sent of a file at once
USER_AGENT = "hpc-gateway"
_LOOK_S = 0.1
_PORTS = {"http": 80, "https": 443}


_Place = tuple[str, str, int]
_Idle = defaultdict[_Place, list["_Connection"]]


class Body(Protocol):
    """Something that is sent: it is read from where it stands."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""


class Connections:
    """The connections of one transfer: made when needed, used again, and cut all at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: _Idle = defaultdict(list)
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock, self._cut = threading.Lock(), threading.Event()
        self._context: ssl.SSLContext | None = None
        weakref.finalize(self, _close, self._idle)

    def send(
        self, method: str, url: str, headers: Mapping[str, Any], body: bytes | Body | None = None
    ) -> "Answer":
        """Send a request and return its answer, whatever that says.

        Raises
        ------
        BotoCoreError
            When the way to the server is broken.
        StorageError
            When the server may not be connected to.
        """
        parts = urlsplit(url)
        place = (parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection = self._take(place)
        try:
            with _explained(url):
                with suppress(BrokenPipeError):  # who has answered before all was sent has the word
                    connection.request(method, target, cast("IO[bytes]", body), headers)
                response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return Answer(response, connection, self._idle[place], url)

    def cut(self) -> None:
        """Break every connection, also those being made: whoever waits for one gets an error at once."""
        with self._lock:
            sockets = list(self._open)
            self._cut.set()
            self._cut = threading.Event()  # those of whoever goes on are not cut
        for each in sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # below TLS, which another thread is in

    def close(self) -> None:
        """Close the connections that nobody uses."""
        _close(self._idle)

    def _take(self, place: _Place) -> "_Connection":
        """Return a connection that was used before and still stands, or a new one."""
        idle = self._idle[place]
        while idle:
            with suppress(IndexError):
                connection = idle.pop()
                if connection.stands():
                    return connection
                connection.close()
        context = self._trust() if place[0] == "https" else None
        return _Connection(place, self._settings, context, self._track, self._cut)

    def _trust(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                bundle = self._settings.ca_bundle or get_cert_path(True)  # noqa: FBT003  botocore's own way
                self._context = ssl.create_default_context(cafile=str(bundle))
                self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # few private authorities meet it
            return self._context

    def _track(self, opened: socket.socket) -> None:
        with self._lock:
            self._open.add(opened)


def _close(idle: _Idle) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


class Answer:
    """An open answer: its status, its headers by their names in lower case, and its body to be read."""

    def __init__(
        self, response: HTTPResponse, connection: "_Connection", idle: list["_Connection"], url: str
    ) -> None:
        self.status, self.reason = response.status, response.reason
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response, self._idle, self._url = response, idle, url
        self._connection: _Connection | None = connection

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer, or what is left of the body into it; 0 is the end."""
        with _explained(self._url):
            return self._response.readinto(buffer)

    def read(self, most: int | None = None) -> bytes:
        """Return the body, or no more than so much of it."""
        with _explained(self._url):
            return self._response.read(most)

    def close(self) -> None:
        """Let the connection serve again, or close it when not all was read."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._response.isclosed() and not self._response.length and connection.sock is not None:
            self._idle.append(connection)
        else:
            self._response.close()
            connection.close()


class _Connection(AWSConnection, HTTPConnection):  # type: ignore[misc]
    """A connection to the first judged address that answers."""

    def __init__(
        self,
        place: _Place,
        settings: Settings,
        context: ssl.SSLContext | None,
        track: Callable[[socket.socket], None],
        cut: threading.Event,
    ) -> None:
        scheme, host, port = place
        self.default_port = _PORTS[scheme]
        super().__init__(host, port, blocksize=BLOCK_BYTES)
        self._settings, self._context, self._track, self._cut = settings, context, track, cut

    def connect(self) -> None:
        """Resolve the name, have its addresses judged, and open the socket."""
        addresses = self._resolved()
        for address in addresses[:-1]:
            with suppress(ConnectTimeoutError, EndpointConnectionError):
                self.sock = self._opened(address)
                break
        else:
            self.sock = self._opened(addresses[-1])
        self.sock.settimeout(self._settings.read_timeout_s)

    def _resolved(self) -> list[str]:
        """Resolve in a thread that is left behind when this is cut, for nothing ends a look-up sooner."""
        found: Future[list[str]] = Future()
        place = self.host, self.port, self._settings.allowed_endpoints
        threading.Thread(target=_settle, args=(found, lambda: policy.resolve(*place)), daemon=True).start()
        while not wait([found], _LOOK_S).done:
            self._check_cut()
        return found.result()

    def _check_cut(self) -> None:
        if self._cut.is_set():
            raise ConnectionClosedError(endpoint_url=self.host)

    def stands(self) -> bool:
        """Tell whether the server has kept the connection: an idle one has nothing to say."""
        look = poll()
        look.register(self.sock, POLLIN)
        return not look.poll(0)

    def _opened(self, address: str) -> socket.socket:
        try:
            opened = self._dialled(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                return opened
            secured = self._context.wrap_socket(opened, server_hostname=self.host.rstrip("."))
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=self.host, error=error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self.host, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self.host, error=error) from error
        self._track(secured)
        return secured

    def _dialled(self, address: str) -> socket.socket:
        """Connect a socket that can be cut from its first moment on."""
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            self._track(opened)
            self._check_cut()
            opened.settimeout(self._settings.connect_timeout_s)
            opened.connect((address, self.port))
            self._check_cut()  # which a socket that is being connected may take for a success
        except BaseException:
            opened.close()
            raise
        return opened


def _settle(future: "Future[list[str]]", look_up: Callable[[], list[str]]) -> None:
    try:
        future.set_result(look_up())
    except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
        future.set_exception(error)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn what goes wrong on a connection into what botocore calls it."""
    try:
        yield
    except BotoCoreError:  # some of which are an OSError as well
        raise
    except TimeoutError as error:
        raise ReadTimeoutError(endpoint_url=_host(url), error=error) from error
    except (OSError, HTTPException) as error:
        raise ConnectionClosedError(endpoint_url=_host(url), error=error) from error


def _host(url: str) -> Any:
    return urlsplit(url).hostname  # no more of it: the query of a signed URL is a secret
