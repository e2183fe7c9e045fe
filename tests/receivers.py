"""Receivers of webhooks for the tests: they take, refuse, redirect, hang or answer without an end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue

from tests.web import serving

Answer = Callable[["Receiver", BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Taken:
    """A message that has come: its headers by their names in small letters, and its body."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What has come to a receiver, and how it answers."""

    answer: Answer
    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    queue: "SimpleQueue[Taken]" = field(default_factory=SimpleQueue)
    released: threading.Event = field(default_factory=threading.Event)


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(_receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def hang(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    """Answer nothing until the test releases it."""
    receiver.released.wait(60)
    request.close_connection = True


def drip(receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    """Answer byte by byte, without an end."""
    with suppress(OSError):
        while not receiver.released.wait(0.05):
            request.wfile.write(b"H")


def pour(_receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    """Answer a gigabyte."""
    request.send_response(200)
    request.send_header("Content-Length", str(1 << 30))
    request.end_headers()
    with suppress(OSError):
        for _ in range(1 << 10):
            request.wfile.write(b"x" * (1 << 20))


def die(_receiver: Receiver, request: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of the head."""
    request.wfile.write(b"HTTP/1.1 2")
    request.close_connection = True


take = status(204)


@contextmanager
def receiver(answer: Answer = take) -> Iterator[Receiver]:
    there = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Taken({name.lower(): value for name, value in self.headers.items()}, body)
            there.taken.append(message)
            there.queue.put(message)
            there.answer(there, self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Handler) as url:
        there.url = f"{url}/hook"
        try:
            yield there
        finally:
            there.released.set()
