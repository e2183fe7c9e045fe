"""TLS in front of a plain server, ended by a certificate of the tests' own authority."""

import select
import socket
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

from tests.servers import send_at_once, serving_in_thread

BLOCK = 64 << 10


class Authority:
    """Who issues the certificates, and the file that makes others trust it."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def context(self, *names: str) -> ssl.SSLContext:
        """Return the server's side of TLS for a host of these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context


class _Tunnel(socketserver.BaseRequestHandler):
    context: ssl.SSLContext
    port: int

    def handle(self) -> None:
        with (
            suppress(OSError),
            self.context.wrap_socket(self.request, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self.port)) as server,
        ):
            send_at_once(server)
            _pass(client, server)


def _pass(client: ssl.SSLSocket, server: socket.socket) -> None:
    """Pass bytes both ways in one thread: OpenSSL wants it so."""
    while True:
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        for source, sink in ((client, server), (server, client)):
            if source in ready:
                data = source.recv(BLOCK)
                if not data:
                    return
                sink.sendall(data)


@contextmanager
def tls(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Pass what comes over TLS on to a port of this machine; give the port to connect to."""
    handler = type("Tunnel", (_Tunnel,), {"context": context, "port": port})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    send_at_once(server.socket)  # and all that it accepts
    with serving_in_thread(server):
        yield int(server.server_address[1])
