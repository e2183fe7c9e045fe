"""Answers of an OpenID provider: bounded in size and time, never compressed, and some at once."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import httpx

from gateway.egress.threads import wait_for_thread

TIMEOUT_S = 3.0  # of a silence
DEADLINE_S = 10.0  # of the whole answer
LARGEST_BYTES = 1 << 20
MOST_AT_ONCE = 8  # of the sign-ins that wait, each in a thread that requests need as well
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
Result = TypeVar("Result")


def join_bounded(pieces: Iterable[bytes]) -> bytes:
    """Return the whole body, or raise ValueError for a long one."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > LARGEST_BYTES:
            raise ValueError("the response is too large")
    return bytes(body)


class ProviderTransport(httpx.BaseTransport):
    """The way of a client's requests to the provider; ValueError for an answer beyond a bound."""

    def __init__(self, ca_bundle: Path | None) -> None:
        self._inner = httpx.HTTPTransport(verify=trust(ca_bundle))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the whole answer in time."""
        request.headers["Accept-Encoding"] = "identity"
        busy = f"{MOST_AT_ONCE} earlier responses have not ended yet"
        return wait_for_answer(lambda: self._receive(request), DEADLINE_S, _places, busy)

    def _receive(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise ValueError("the response is compressed")
            stream = answer.stream
            body = join_bounded(stream if isinstance(stream, httpx.SyncByteStream) else ())
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def wait_for_answer(
    call: Callable[[], Result], deadline_s: float, places: threading.Semaphore, busy: str
) -> Result:
    """Return the result of a call in another thread, or raise ValueError after the deadline.

    Nothing can interrupt the call: its place is free when it has ended. ValueError says `busy` where none is.
    """
    end = time.monotonic() + deadline_s

    def check() -> None:
        if time.monotonic() > end:
            raise ValueError(f"the response took longer than {deadline_s:g} s")

    def call_in_its_place() -> Result:
        if not places.acquire(blocking=False):
            raise ValueError(busy)
        try:
            return call()
        finally:
            places.release()

    return wait_for_thread(call_in_its_place, check)


@lru_cache(maxsize=4)
def trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return the authorities that are trusted; to read them takes as long as many requests."""
    return ssl.create_default_context(cafile=ca_bundle)
