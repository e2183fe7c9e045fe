"""HTTP connections that obey the policy: each connects to exactly the addresses that were judged.

A name is resolved when a connection is made, its addresses are judged, and the socket is opened to one
of these numbers; TLS still verifies the certificate against the name. So an answer of the name server
that changes between judgement and connection changes nothing.
"""

import socket
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

from gateway.settings import Settings
from gateway.storage import policy

BLOCK_BYTES = 1 << 20


class PolicedSession(URLLib3Session):
    """The HTTP client under boto3, with pools whose connections obey the policy and can be cut."""

    def __init__(self, settings: Settings, *, read_timeout_s: float) -> None:
        verify: Any = str(settings.ca_bundle) if settings.ca_bundle else True
        timeout: Any = (settings.connect_timeout_s, read_timeout_s)
        super().__init__(verify=verify, timeout=timeout, max_pool_connections=settings.connections)
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        manager: Any = self._manager  # type: ignore[attr-defined]
        manager.connection_pool_kw["blocksize"] = BLOCK_BYTES  # what is sent of a file at once
        self._pool_classes_by_scheme = manager.pool_classes_by_scheme = {
            "http": self._policed(AWSHTTPConnectionPool, AWSHTTPConnection, settings.allowed_endpoints),
            "https": self._policed(AWSHTTPSConnectionPool, AWSHTTPSConnection, settings.allowed_endpoints),
        }

    def cut(self) -> None:
        """Break every connection: whoever waits for one of them gets an error at once."""
        with self._lock:
            sockets = list(self._open)
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _track(self, opened: socket.socket) -> socket.socket:
        with self._lock:
            self._open.add(opened)
        return opened

    def _policed(self, pool: type[Any], connection: type[Any], allowed: Sequence[str]) -> type[Any]:
        """Return the class of connection pool whose connections go to judged addresses only."""

        def open_socket(made: Any) -> socket.socket:
            return self._track(_connect(made, allowed))

        def connect(made: Any) -> None:
            connection.connect(made)
            self._track(made.sock)  # with TLS another one than was opened

        methods = {"_new_conn": open_socket, "connect": connect}
        policed = type(f"Policed{connection.__name__}", (connection,), methods)
        return type(f"Policed{pool.__name__}", (pool,), {"ConnectionCls": policed})


def _connect(connection: Any, allowed: Sequence[str]) -> socket.socket:
    """Open the connection's socket to the first judged address that answers."""
    addresses = policy.resolve(connection.host, connection.port, allowed)
    for address in addresses[:-1]:
        try:
            return _open(connection, address)
        except (ConnectTimeoutError, NewConnectionError):
            continue
    return _open(connection, addresses[-1])


def _open(connection: Any, address: str) -> socket.socket:
    try:
        return create_connection(
            (address, connection.port),
            connection.timeout,
            socket_options=connection.socket_options,
        )
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"no answer from {address}") from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
