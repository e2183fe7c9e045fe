"""Requests as they are on the connection: offers of HTTP/2, HTTP/1.0, pipelines, and bytes that are none."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.application import make_app
from tests.bodies import JOB
from tests.servers import served

pytestmark = [
    pytest.mark.usefixtures("database", "sends"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
BODY = json.dumps(JOB).encode()
PACKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
HOST = b"Host: localhost\r\n"
# As Java's HttpClient and curl --http2 write them.
OFFERS = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n",
    b"connection: upgrade\r\nupgrade: TLS/1.0\r\n",
    b"Connection: Upgrade\r\nUPGRADE: websocket\r\n",
]


@pytest.fixture
def address(database: object) -> Iterator[tuple[str, int]]:
    with served(make_app()) as url:
        yield urlsplit(url).hostname or "", urlsplit(url).port or 0


def _ask(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send the pieces, and return all that comes until the server closes or is silent for a second."""
    with socket.create_connection(address) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(1)
        answer = b""
        try:
            while received := connection.recv(1 << 16):
                answer += received
        except TimeoutError:
            pass
        return answer


@pytest.mark.parametrize("offer", OFFERS)
def test_the_body_of_a_client_that_offers_another_protocol_is_read(
    address: tuple[str, int], offer: bytes
) -> None:
    head = b"POST /job HTTP/1.1\r\n" + HOST + LENGTH + offer + b"\r\n"
    assert _ask(address, head, BODY).startswith(b"HTTP/1.1 201 ")
    both = _ask(address, head + BODY + head + BODY)
    assert both.count(b"HTTP/1.1 201 ") == 2, "the connection goes on"


def test_a_body_with_such_a_line_keeps_its_length(address: tuple[str, int]) -> None:
    body = b"\nUpgrade: h2c\n" + BODY
    head = b"POST /job HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
    answers = _ask(address, head + body + b"GET /services HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert answers.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize(
    ("request_line", "headers", "body"),
    [
        (b"POST /job HTTP/1.0", HOST + LENGTH, BODY),
        (b"POST /job HTTP/1.1", HOST + b"Transfer-Encoding: chunked\r\n", PACKED),
        (b"POST http://localhost/job HTTP/1.1", HOST + LENGTH, BODY),
        (b"\r\nPOST //job/ HTTP/1.1", HOST + LENGTH, BODY),
        (b"POST /job HTTP/1.1", HOST + LENGTH + b"Expect: 100-continue\r\n", BODY),
    ],
    ids=["1.0", "chunked", "absolute", "blank line first", "100-continue"],
)
def test_forms_of_a_request(
    address: tuple[str, int], request_line: bytes, headers: bytes, body: bytes
) -> None:
    assert b" 201 Created" in _ask(address, request_line + b"\r\n" + headers + b"\r\n", body)


def test_a_pipeline_is_answered_in_order(address: tuple[str, int]) -> None:
    paths = (b"/services", b"/nothing", b"/health/live")
    answers = _ask(address, b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in paths))
    assert re.findall(rb"HTTP/1\.1 ([0-9]+)", answers) == [b"200", b"404", b"200"]


@pytest.mark.parametrize(
    "sent",
    [
        b"post /job HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
    ids=["small letters", "HTTP/2", "TLS"],
)
def test_bytes_that_are_no_request_are_refused_in_words(address: tuple[str, int], sent: bytes) -> None:
    head, _, body = _ask(address, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert "GET /services HTTP/1.1" in json.loads(body)["message"]
