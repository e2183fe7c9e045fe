"""Requests that want to hurt, over a real socket: too large, too slow, too many, too deep."""

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from sqlalchemy import Engine, func, select

from gateway.db import session_scope
from gateway.models import Event, IdempotencyKey, Job, StoredCredential, Transfer
from gateway.settings import get_settings
from tests.application import make_app
from tests.bodies import DATA, JOB
from tests.polling import until

MIB = 1 << 20
Ask = Callable[..., tuple[int, bytes]]


@pytest.fixture
def port(database: Engine, broker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("GATEWAY_REQUEST_BODY_S", "1")
    get_settings.cache_clear()
    server = uvicorn.Server(uvicorn.Config(make_app(), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    until("the server listens", lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def ask(port: int) -> Ask:
    def send(*pieces: bytes, wait: bool = True) -> tuple[int, bytes]:
        """Send bytes as they are; return the status and everything that was said."""
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):  # it has heard enough
                pass
            said = _read(connection) if wait else b""
        return int(said.split(b" ", 2)[1]) if said else 0, said

    return send


def _read(connection: socket.socket) -> bytes:
    said = b""
    try:
        while b"\r\n\r\n" not in said or not said.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                break
            said += piece
    except ConnectionResetError:
        pass
    return said


def _head(path: str, *lines: str) -> bytes:
    first = f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
    return (first + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode("latin-1")


def _post(path: str, body: bytes) -> bytes:
    return _head(path, f"Content-Length: {len(body)}") + body


def _is_problem(said: bytes) -> bool:
    return b"application/problem+json" in said and b"Traceback" not in said


def _nothing_is_left() -> None:
    tables = (Transfer, Job, Event, StoredCredential, IdempotencyKey)
    with session_scope(read_only=True) as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in tables] == [0] * 5


def test_a_body_that_says_how_large_it_is_is_refused_before_it_is_sent(ask: Ask) -> None:
    status, said = ask(_head("/s3_data", f"Content-Length: {MIB + 1}"))
    assert (status, _is_problem(said)) == (413, True)
    assert b"GATEWAY_REQUEST_BYTES" in said
    _nothing_is_left()


def test_a_body_that_does_not_say_it_is_refused_where_it_becomes_too_large(ask: Ask) -> None:
    chunk = b"%x\r\n%b\r\n" % (MIB // 4, b" " * (MIB // 4))
    status, said = ask(_head("/s3_data", "Transfer-Encoding: chunked"), *[chunk] * 5)
    assert (status, _is_problem(said)) == (413, True)
    _nothing_is_left()


def test_a_body_in_chunks_within_bounds_is_taken(ask: Ask) -> None:
    data = json.dumps(DATA).encode()
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:10], data[10:])]
    status, _ = ask(_head("/s3_data", "Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n")
    assert status == 201


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_cut(ask: Ask, framing: str) -> None:
    status, said = ask(_head("/s3_data", framing), b"3\r\n{ \n\r\n")
    assert (status, _is_problem(said)) == (408, True)
    assert b"GATEWAY_REQUEST_BODY_S" in said
    _nothing_is_left()


def test_a_client_that_leaves_in_the_middle_leaves_nothing(ask: Ask) -> None:
    ask(_head("/s3_data", "Content-Length: 1000"), b"{", wait=False)
    assert ask(_post("/s3_data", b"{}"))[0] == 400
    _nothing_is_left()


def test_huge_headers_are_refused(ask: Ask) -> None:
    for lines in (["X-Huge: " + "x" * 100_000], [f"X-{number}: {'x' * 100}" for number in range(1000)]):
        status, said = ask(_head("/s3_data", *lines, "Content-Length: 2") + b"{}")
        assert (status, _is_problem(said)) == (431, True)
    _nothing_is_left()


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length: -1",
        "Content-Length: 1e3",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "a b: c",
    ],
)
def test_headers_that_are_none_are_refused(ask: Ask, line: str) -> None:
    assert ask(_head("/s3_data", line), b"{}")[0] == 400
    _nothing_is_left()


def test_a_million_keys_are_too_large_and_what_fits_is_judged_like_any_other(ask: Ask) -> None:
    million = b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"
    assert ask(_post("/job", million))[0] == 413
    params = {str(number): 1 for number in range(50_000)}
    assert ask(_post("/job", json.dumps({**JOB, "params": params}).encode()))[0] == 400
    _nothing_is_left()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"params":{"a":', b'{"params":['])
def test_a_body_of_any_depth_is_400(ask: Ask, opening: bytes) -> None:
    status, said = ask(_post("/job", opening * (500_000 // len(opening))))
    assert (status, _is_problem(said)) == (400, True)
    _nothing_is_left()


def test_nested_params_that_are_well_formed_do_no_harm(ask: Ask) -> None:
    for depth in (100, 900, 5_000, 100_000):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        body = (
            json.dumps(JOB).encode().replace(b'"read_input_data"', b'"x": ' + nested + b', "read_input_data"')
        )
        assert ask(_post("/job", body))[0] in {201, 400}


@pytest.mark.parametrize("number", ["1e400", "9" * 5_000, "-" + "9" * 400, "1e-400"])
def test_numbers_out_of_any_range_are_400(ask: Ask, number: str) -> None:
    for key in ("watch_period", "params"):
        value = number if key == "watch_period" else '{"read_input_data": "/x", "num_thread": %s}' % number  # noqa: UP031  JSON is full of braces
        body = json.dumps({name: v for name, v in JOB.items() if name != key})[:-1] + f', "{key}": {value}}}'
        status, said = ask(_post("/job", body.encode()))
        assert status == 400 or (number == "1e-400" and status == 201), said
