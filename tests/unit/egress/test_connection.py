"""One libcurl connection: allowed addresses, malformed answers, and prompt cancellation."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.egress import policy
from gateway.egress.connection import Connection, Request
from gateway.egress.curl import Origin
from gateway.egress.headers import request_lines
from gateway.egress.pool import ConnectionPool, Response
from gateway.errors import Cancelled, StorageError, StorageUnavailable
from gateway.settings import Settings
from tests.hostile import endless
from tests.raw import OK, Behaviour, answering, serving, silent_after, unread

PATIENT = Settings(allowed_endpoints=["127.0.0.1"], connect_timeout_s=60, read_timeout_s=60)


def _read(url: str, settings: Settings = PATIENT) -> tuple[Response, bytes]:
    with (
        closing(ConnectionPool(settings)) as connections,
        closing(connections.send("GET", url, {})) as answer,
    ):
        return answer, answer.read(1 << 20)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_not_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with serving(answering(OK)) as url:
        assert _read(url)[1] == b"here"


def test_a_netrc_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password geheim\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    heard: list[bytes] = []
    with serving(answering(OK, heard=heard)) as url:
        _read(url)
    assert b"uthorization" not in heard[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "store.example"])
def test_an_address_that_was_not_judged_is_not_connected_to(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        origin = Origin("http", host, listener.getsockname()[1])
        connection = Connection(origin, ["127.0.0.1"], PATIENT, "")
        connection._addresses.clear()  # noqa: SLF001  as if libcurl had looked it up itself
        with pytest.raises(StorageError, match="has not allowed"):
            _carry_out(connection)
        connection.close()
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_name_that_means_another_address_later_leads_to_the_judged_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    monkeypatch.setattr(policy, "resolve", lambda *_: next(answers))
    with serving(answering(OK), answering(OK)) as url, closing(ConnectionPool(PATIENT)) as connections:
        for _ in range(2):  # the server closes in between: libcurl connects by itself
            with closing(connections.send("GET", url.replace("127.0.0.1", "store.example"), {})) as answer:
                assert answer.read(1 << 20) == b"here"
    assert next(answers) == ["127.0.0.2"]


@pytest.mark.parametrize("host", ["store.example", "store.example.", "größe.example"])
def test_the_first_judged_address_that_answers_is_connected_to(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "resolve", lambda *_: ["127.0.0.2", "127.0.0.1"])
    heard: list[bytes] = []
    with serving(answering(OK, heard=heard)) as url:
        assert _read(url.replace("127.0.0.1", host))[1] == b"here"
    assert f"Host: {host.encode('idna').decode()}:".encode() in heard[0]


def test_a_host_may_be_a_number_of_the_sixth_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "resolve", lambda *_: ["::1"])
    with serving(answering(OK), host="::1") as url:
        assert _read(url)[1] == b"here"


def _carry_out(connection: Connection) -> None:
    connection.begin(Request("GET", "/", [], None, 0, None))
    while not connection.is_over:
        connection.step()
    connection.check()


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rb", "a\0b", b"a\nb"])
def test_a_header_stays_one_line(value: str | bytes) -> None:
    for headers in ({"If-Match": value}, {value if isinstance(value, str) else value.decode(): "x"}):
        with pytest.raises(StorageError, match="line break"):
            request_lines(headers)


def test_odd_headers_arrive_as_they_are() -> None:
    heard: list[bytes] = []
    with serving(answering(OK, heard=heard)) as url, closing(ConnectionPool(PATIENT)) as connections:
        headers: dict[str, str | bytes] = {
            "If-Match": '"größe: 1"',
            "X-Empty": "",
            "X-Bytes": b"\xff",
            "Host": "other.example",
        }
        connections.send("GET", url, headers).close()
    head = heard[0].split(b"\r\n")
    assert head[0] == b"GET /x HTTP/1.1"
    assert sorted(head[1:-2]) == sorted(
        [
            b"Host: other.example",
            b"User-Agent: hpc-gateway",
            b"Accept-Encoding: identity",
            'If-Match: "größe: 1"'.encode("latin-1"),
            b"X-Empty:",
            b"X-Bytes: \xff",
        ]
    )


@pytest.mark.parametrize("target", ["/a b", "/a\0", "/\x7f", "/ä", "/?a b"])
def test_a_target_with_spaces_or_control_characters_is_not_sent(target: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        _read(f"http://127.0.0.1:1{target}")


@pytest.mark.parametrize("target", ["/a/../b", "//a//./b", "/%2e%2e/a%2fb", "/a?b=/../c&d=%2f%2F", "/*"])
def test_a_path_is_asked_for_as_it_is(target: str) -> None:
    heard: list[bytes] = []
    with serving(answering(OK, heard=heard)) as url:
        _read(url.removesuffix("/x") + target)
    assert heard[0].split()[1].decode() == target


def _endless(piece: bytes) -> Behaviour:
    def behave(accepted: socket.socket) -> None:
        accepted.recv(1 << 16)
        accepted.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            accepted.sendall(piece * 1000)

    return behave


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (b"x" * 100, "the connection to .* broke"),
        (b"X-Some: thing\r\n", "more than 512 lines or 131072 bytes of headers"),
        (b"X-Some: " + b"x" * 60_000 + b"\r\n", "more than 512 lines or 131072 bytes of headers"),
    ],
)
def test_a_head_without_an_end_is_cut_off(piece: bytes, says: str) -> None:
    with serving(_endless(piece)) as url, pytest.raises(StorageError, match=says):
        _read(url)


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Late: thing\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    ],
    ids=["trailers", "interim answers"],
)
def test_lines_besides_the_head_are_bounded_too(begin: bytes, piece: bytes) -> None:
    with (
        serving(endless(begin, piece * 100)) as url,
        pytest.raises(StorageError, match="more than 512 lines"),
    ):
        _read(url)


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 500 Bad\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    ],
    ids=["unknown", "claimed", "nonsense", "chunked"],
)
def test_a_body_without_an_end_is_cut_off(begin: bytes) -> None:
    body = endless(begin, bytes(1 << 16))
    with serving(body) as url, pytest.raises(StorageError, match="a body of more than 1048576 bytes"):
        _read(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"here is no head at all",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 Other\r\n\r\n",
        b"HTTP/1.1 100 Go on\r\n\r\n",
    ],
)
def test_what_is_not_http_is_not_believed(answer: bytes) -> None:
    with (
        serving(answering(answer)) as url,
        pytest.raises(StorageUnavailable, match="the connection to .* broke"),
    ):
        _read(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhere\r\n0\r\nX-Late: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 4\n\nhere",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhere",
        b"HTTP/1.1 200\r\nX: 1\r\nX: 2\r\nContent-Length: 4\r\n\r\nhere",
    ],
)
def test_every_form_of_an_answer_is_read(answer: bytes) -> None:
    with serving(answering(answer)) as url:
        told, body = _read(url)
    assert (told.status, body) == (200, b"here")
    assert "link" not in told.headers
    assert told.headers.get("x", "1, 2") == "1, 2"


def test_redirects_are_not_followed() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(redirect)) as url:
        told, _ = _read(url)
    assert (told.status, told.headers["location"]) == (302, "http://127.0.0.1:1/")


class Watch:
    """Cancels a little later."""

    def __init__(self) -> None:
        self.end = time.monotonic() + 0.4

    def __call__(self) -> None:
        if time.monotonic() > self.end:
            raise Cancelled("enough")


PHASES: dict[str, tuple[str, Behaviour, bytes | None]] = {
    "handshake": ("https", silent_after(), None),
    "head": ("http", silent_after(), None),
    "half a head": ("http", silent_after(b"HTTP/1.1 200 OK\r\nX"), None),
    "body": ("http", silent_after(OK.replace(b"4", b"9")), None),
    "sending": ("http", unread, bytes(64 << 20)),
}


@pytest.fixture(params=PHASES)
def phase(request: pytest.FixtureRequest) -> Iterator[Callable[[ConnectionPool], None]]:
    scheme, behaviour, body = PHASES[request.param]

    with serving(behaviour) as url:

        def act(connections: ConnectionPool) -> None:
            method = "GET" if body is None else "PUT"
            sent = connections.send(method, url.replace("http:", f"{scheme}:"), {}, body)
            with closing(sent) as answer:
                answer.read(1 << 20)

        yield act


def test_a_watcher_ends_the_waiting_in_every_phase(phase: Callable[[ConnectionPool], None]) -> None:
    connections, begun = ConnectionPool(PATIENT), time.monotonic()
    with connections.watched(Watch()), pytest.raises(Cancelled):
        phase(connections)
    assert time.monotonic() - begun < 2


def test_a_cut_ends_the_waiting_in_every_phase(phase: Callable[[ConnectionPool], None]) -> None:
    connections, begun = ConnectionPool(PATIENT), time.monotonic()
    threading.Timer(0.4, connections.cut).start()
    with pytest.raises(StorageUnavailable, match="the connection to .* broke"):
        phase(connections)
    assert time.monotonic() - begun < 2
