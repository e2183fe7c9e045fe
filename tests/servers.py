"""Servers in a thread, for tests that need real connections: of sockets, and of an ASGI application."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from api.http_protocol import HttpProtocol

END_S = 0.02  # between two looks at whether the block has ended
# Else a body waits up to 40 ms for the acknowledgement of its headers.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def send_at_once(end: socket.socket) -> None:
    """Send small pieces without waiting for the acknowledgement of those before."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve the application in a thread, and give its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, http=HttpProtocol))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_in_thread(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve until the block ends, also by an error: a thread that serves a closed socket takes a core."""
    with server:
        threading.Thread(target=server.serve_forever, args=(END_S,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
