"""The connection pool: connections that are used again, and servers that close, answer early or break off."""

import os
import socket
import threading
import time
from contextlib import closing

import pytest

from gateway.egress import policy
from gateway.egress import pool as module
from gateway.egress.connection import HELD_BYTES
from gateway.egress.pool import ConnectionPool
from gateway.errors import StorageError, StorageUnavailable
from gateway.settings import Settings
from hpc_gateway_commands.demo.services import free_ports
from tests.raw import OK, answering, serving, silent_after

SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=0.5)


def _get(connections: ConnectionPool, url: str) -> bytes:
    with closing(connections.send("GET", url, {})) as answer:
        return answer.read(1 << 20)


def test_a_connection_whose_answer_was_read_serves_again() -> None:
    with serving(answering(OK, OK, OK)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        assert [_get(connections, url) for _ in range(3)] == [b"here"] * 3


@pytest.mark.parametrize(
    "answer",
    [OK, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"HTTP/1.0 200 OK\r\n\r\nhere"],
)
def test_one_that_the_server_has_closed_does_not(answer: bytes) -> None:
    closed = threading.Event()

    def first(accepted: socket.socket) -> None:
        answering(answer)(accepted)
        accepted.close()
        closed.set()

    with serving(first, answering(answer)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        assert _get(connections, url) == b"here"
        assert closed.wait(5)
        assert _get(connections, url) == b"here"


def test_one_whose_answer_was_not_read_whole_does_not_either() -> None:
    longer = OK.replace(b"4", b"5")
    with serving(answering(longer), answering(OK)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        with closing(connections.send("GET", url, {})) as answer:
            assert answer.read_start(2) == b"he"
        assert _get(connections, url) == b"here"


def test_an_answer_that_comes_before_all_was_sent_is_read() -> None:
    class Endless:
        left = 64

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 1
            return bytes(size) if self.left else b""

        def seek(self, _: int, /) -> int:
            raise AssertionError("it was not sent before")

    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(refusal)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        headers: dict[str, str | bytes] = {"Content-Length": str(1 << 40), "Expect": b"100-continue"}
        with closing(connections.send("PUT", url, headers, Endless())) as answer:
            assert answer.status == 403


def test_a_server_that_breaks_off_or_falls_silent_is_told_by_name() -> None:
    connections = ConnectionPool(SETTINGS)
    with serving(lambda accepted: accepted.close()) as url, pytest.raises(StorageUnavailable, match="broke"):
        _get(connections, url)
    done = threading.Event()

    def wait(_: socket.socket) -> None:
        done.wait(5)

    with serving(wait) as url:
        with pytest.raises(StorageUnavailable, match="stopped sending") as caught:
            _get(connections, f"{url}?X-Amz-Signature=secret")
        done.set()
    assert "secret" not in str(caught.value)
    with pytest.raises(StorageUnavailable, match="nothing accepts connections"):
        _get(connections, f"http://127.0.0.1:{free_ports(1)[0]}/")
    with pytest.raises(StorageError, match="GATEWAY_ALLOWED_ENDPOINTS"):
        _get(ConnectionPool(Settings(allowed_endpoints=[])), url)


def test_a_cut_wakes_who_waits() -> None:
    connections = ConnectionPool(SETTINGS.model_copy(update={"read_timeout_s": 60.0}))
    asked = threading.Event()

    def behave(accepted: socket.socket) -> None:
        accepted.recv(1 << 16)
        asked.set()
        accepted.recv(1)  # until it is cut

    def cut() -> None:
        asked.wait(5)
        connections.cut()

    with serving(behave) as url:
        threading.Thread(target=cut, daemon=True).start()
        with pytest.raises(StorageUnavailable, match="broke"):
            _get(connections, url)


def test_a_name_is_looked_up_again_once_a_connection_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, *_: object) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(policy, "resolve", resolve)
    with serving(answering(OK, OK), answering(OK)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        named = url.replace("127.0.0.1", "store.example")
        _get(connections, named)
        _get(connections, named)
        assert asked == ["store.example"]
        monkeypatch.setattr(module, "REUSE_S", 0.0)
        _get(connections, named)
        assert asked == ["store.example"] * 2


def test_a_body_is_sent_again_whole_where_a_kept_connection_was_dead() -> None:
    heard: list[bytes] = []

    def dies(accepted: socket.socket) -> None:
        answering(OK)(accepted)
        accepted.recv(16)

    with serving(dies, answering(OK, heard=heard)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        assert _get(connections, url) == b"here"
        with closing(connections.send("PUT", url, {}, b"the body")) as answer:
            assert answer.status == 200
    assert heard[0].endswith(b"\r\n\r\nthe body")


def test_what_has_come_before_a_server_falls_silent_is_given_away() -> None:
    taken = bytearray()

    def take(piece: memoryview) -> bool:
        taken.extend(piece)
        return True

    half = OK.replace(b"Length: 4", b"Length: 400000") + bytes(200_000)
    with serving(silent_after(half)) as url:
        answer = ConnectionPool(SETTINGS).send("GET", url, {})
        with closing(answer), pytest.raises(StorageUnavailable, match="stopped sending") as caught:
            answer.stream(take)
        assert taken == b"here" + bytes(200_000)  # now, not when the error and all that it holds are gone
        assert caught.value.__traceback__


def test_a_server_that_answers_and_leaves_while_it_is_sent_to_has_the_word() -> None:
    def refuse(accepted: socket.socket) -> None:
        accepted.recv(1 << 16)
        accepted.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nkeep")
        while accepted.recv(1 << 16):
            pass

    with serving(refuse) as url:
        answer = ConnectionPool(SETTINGS).send("PUT", url, {}, bytes(32 << 20))
        with closing(answer):
            assert (answer.status, answer.read(1 << 20)) == (403, b"keep")


@pytest.mark.parametrize("size", [1, HELD_BYTES - 1, HELD_BYTES, HELD_BYTES + 1, 4 * HELD_BYTES])
@pytest.mark.parametrize("most", [1 << 20, 10])
def test_a_body_that_comes_in_pieces_is_read_whole(size: int, most: int) -> None:
    body = os.urandom(size)

    def slowly(accepted: socket.socket) -> None:
        for _ in range(2):
            accepted.recv(1 << 16)
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for start in range(0, size, 1 + size // 3):
                time.sleep(0.02)
                accepted.sendall(body[start : start + 1 + size // 3])

    with serving(slowly) as url, closing(ConnectionPool(SETTINGS)) as connections:
        for _ in range(2 if most > size or size <= HELD_BYTES else 1):
            with closing(connections.send("GET", url, {})) as answer:
                assert answer.read_start(most) == body[:most]


def test_who_watched_for_an_answer_is_not_called_while_it_is_read_later() -> None:
    calls: list[None] = []
    begun = OK.removesuffix(b"here")
    with serving(silent_after(begun)) as url, closing(ConnectionPool(SETTINGS)) as connections:
        with connections.watched(lambda: calls.append(None)):
            answer = connections.send("GET", url, {})
        before = len(calls)
        with closing(answer), pytest.raises(StorageUnavailable, match="stopped sending"):
            answer.read(1 << 20)
    assert before
    assert len(calls) == before
