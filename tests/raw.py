"""A server of the tests' own that treats each connection in its own way, byte by byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import POLLRDHUP, poll

Behaviour = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"


@contextmanager
def serving(*behaviours: Behaviour, host: str = "127.0.0.1") -> Iterator[str]:
    """Treat each connection in its own way; as many are accepted as there are ways."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    open_now: list[socket.socket] = []

    def serve() -> None:
        for behave in behaviours:
            with suppress(OSError):
                accepted, _ = listener.accept()
                open_now.append(accepted)
                with accepted:
                    behave(accepted)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/x"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # ends the wait for a connection that does not come
        with suppress(OSError, IndexError):
            open_now[-1].shutdown(socket.SHUT_RDWR)  # else one that reads nothing never sees the end
        thread.join(5)
        listener.close()


def answering(*answers: bytes, heard: list[bytes] | None = None) -> Behaviour:
    """Answer one request after the other, whatever they say."""

    def behave(accepted: socket.socket) -> None:
        for answer in answers:
            said = accepted.recv(1 << 16)
            if heard is not None:
                heard.append(said)
            accepted.sendall(answer)

    return behave


def unread(accepted: socket.socket) -> None:
    """Read nothing until the test ends."""
    hangup = poll()
    hangup.register(accepted, POLLRDHUP)
    hangup.poll()


def silent_after(*answers: bytes) -> Behaviour:
    """Answer so far, and then nothing more, until the other side goes away."""

    def behave(accepted: socket.socket) -> None:
        answering(*answers)(accepted)
        while accepted.recv(1 << 16):
            pass

    return behave
