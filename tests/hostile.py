"""Servers that send too much, too slowly or nonsense, for the tests of bounds and deadlines."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from select import poll

from tests.raw import Behaviour
from tests.web import serving as serving_http

DRIP_S = 0.02


def endless(begin: bytes, piece: bytes) -> Behaviour:
    """Answer a request and never end."""

    def behave(accepted: socket.socket) -> None:
        accepted.recv(1 << 16)
        accepted.sendall(begin)
        while True:
            accepted.sendall(piece)

    return behave


def dripping(begin: bytes = b"", rest: bytes = b"x", *, is_asked: bool = True) -> Behaviour:
    """Answer a request, the rest of it byte by byte and again and again."""

    def behave(accepted: socket.socket) -> None:
        if is_asked:
            accepted.recv(1 << 16)
        accepted.sendall(begin)
        while True:
            for number in rest:
                accepted.sendall(bytes([number]))
                time.sleep(DRIP_S)

    return behave


def sipping(accepted: socket.socket) -> None:
    """Take a request byte by byte, until the connection has ended: much of it waits in buffers."""
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    hangup = poll()
    hangup.register(accepted, 0)
    while accepted.recv(1) and not hangup.poll(DRIP_S * 1000):
        pass


def ftp_session(replies: Mapping[str, str], send: Callable[[socket.socket], None]) -> Behaviour:
    """Hold an FTP conversation with some replies of its own, and send a file's bytes in its own way."""

    def behave(accepted: socket.socket) -> None:
        accepted.sendall(b"220 ready\r\n")
        with socket.create_server(("127.0.0.1", 0)) as passive, accepted.makefile("rb") as lines:
            known = {
                "USER": "230 come in",
                "SIZE": "213 1000000",
                "MDTM": "213 20260101000000",
                "REST": "350 yes",
                "PASV": "227 here (127,0,0,1,{},{})".format(*divmod(passive.getsockname()[1], 256)),
                "RETR": "150 coming",
            }
            for line in lines:
                word = line.decode().split()[0]
                accepted.sendall(f"{(known | dict(replies)).get(word, '200 fine')}\r\n".encode())
                if word == "RETR":
                    with passive.accept()[0] as data, suppress(OSError):
                        send(data)

    return behave


@contextmanager
def store(answer: Callable[[str], bytes]) -> Iterator[str]:
    """Serve a store whose every GET is answered with the XML for its path and query."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving_http(Handler) as url:
        yield url
