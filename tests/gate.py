"""A gate in front of a store: a TCP proxy that lets so many bytes through to the client and no more."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from tests.servers import send_at_once

LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 1 << 16


class Gate(socketserver.ThreadingTCPServer):
    """What a transfer reads through it stands still where the test wants it to, for as long as it wants."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, port: int, limit_bytes: int) -> None:
        super().__init__((LOOPBACK, 0), _Passage)
        send_at_once(self.socket)  # and all that it accepts
        self.upstream = (LOOPBACK, port)
        self._passed, self._limit = 0, limit_bytes
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        """The endpoint to give to a transfer."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def let(self, more_bytes: int) -> None:
        """Let more bytes through."""
        with self._changed:
            self._limit += more_bytes
            self._changed.notify_all()

    def open(self) -> None:
        """Let everything through."""
        self.let(1 << 60)

    def pass_(self, data: bytes) -> None:
        """Wait until the bytes may go through."""
        with self._changed:
            self._changed.wait_for(lambda: self._passed < self._limit)
            self._passed += len(data)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: a connection that breaks is what the tests are about."""


class _Passage(socketserver.BaseRequestHandler):
    server: Gate

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as store:
            send_at_once(store)
            back = threading.Thread(target=self._answers, args=(store,), daemon=True)
            back.start()
            for data in _read(self.request):
                store.sendall(data)
            _end(store)
            back.join()

    def _answers(self, store: socket.socket) -> None:
        with suppress(OSError):
            for data in _read(store):
                self.server.pass_(data)
                self.request.sendall(data)
        _end(self.request)
        _end(store)


def _read(source: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            yield data


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
