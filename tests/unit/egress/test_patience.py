"""Deadlines of waits: servers that send or take a byte now and then, and pauses that are not the server's."""

import socket
import threading
import time
from contextlib import closing

import pytest

from gateway.egress import patience, policy
from gateway.egress.patience import LeastRate
from gateway.egress.pool import ConnectionPool
from gateway.errors import StorageSlow, StorageUnavailable
from gateway.settings import Settings
from tests.hostile import dripping, sipping
from tests.raw import OK, answering, serving

QUICK = Settings(
    allowed_endpoints=["127.0.0.1"],
    connect_timeout_s=1.0,
    read_timeout_s=0.5,
    least_rate_bytes_per_s=1000,
    least_rate_window_s=0.5,
)
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def _ask(
    url: str, settings: Settings = QUICK, body: bytes | None = None, *, is_patient: bool = False
) -> bytes:
    with (
        closing(ConnectionPool(settings)) as connections,
        closing(
            connections.send("GET" if body is None else "PUT", url, {}, body, is_patient=is_patient)
        ) as answer,
    ):
        return answer.read(1 << 20)


@pytest.mark.parametrize("begin", [LONG, b"HTTP/1.1 200 OK\r\n"], ids=["body", "headers"])
def test_an_answer_that_comes_byte_by_byte_is_given_up(begin: bytes) -> None:
    with serving(dripping(begin)) as url, pytest.raises(StorageSlow, match="below the least rate"):
        _ask(url)


def test_a_first_line_that_comes_byte_by_byte_has_a_deadline_of_its_own() -> None:
    with (
        serving(dripping(b"HTTP/1.1 2")) as url,
        pytest.raises(StorageUnavailable, match="not answered within"),
    ):
        _ask(url)


def test_a_first_line_may_take_longer_than_the_window_of_the_rate() -> None:
    settings = QUICK.model_copy(update={"read_timeout_s": 20.0, "least_rate_window_s": 0.1})

    def slow_to_begin(accepted: object) -> None:
        time.sleep(0.5)
        answering(OK)(accepted)  # type: ignore[arg-type]

    with serving(slow_to_begin) as url:
        assert _ask(url, settings) == b"here"


def test_a_store_may_take_its_time_between_100_continue_and_its_answer() -> None:
    settings = QUICK.model_copy(update={"read_timeout_s": 20.0, "least_rate_window_s": 0.1})

    def behave(accepted: socket.socket) -> None:
        accepted.recv(1 << 16)
        accepted.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.5)
        accepted.sendall(OK)

    with serving(behave) as url:
        assert _ask(url, settings, b"here") == b"here"


def test_a_body_that_is_taken_byte_by_byte_is_given_up() -> None:
    settings = QUICK.model_copy(update={"read_timeout_s": 30.0})
    with serving(sipping) as url, pytest.raises(StorageSlow, match="below the least rate"):
        _ask(url, settings, bytes(64 << 20))


def test_a_handshake_that_comes_byte_by_byte_is_given_up() -> None:
    record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # of 16 KiB
    with (
        serving(dripping(record, b"\0")) as url,
        pytest.raises(StorageUnavailable, match="no answer when conn"),
    ):
        _ask(url.replace("http:", "https:"))


def test_a_pause_of_the_reader_is_not_the_servers() -> None:
    body = bytes(1 << 20)
    taken = 0

    def take(piece: memoryview) -> bool:
        nonlocal taken
        time.sleep(0.6)  # longer than the window and the longest silence
        taken += len(piece)
        return True

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with (
        serving(answering(answer)) as url,
        closing(ConnectionPool(QUICK)) as connections,
        closing(connections.send("GET", url, {})) as response,
    ):
        time.sleep(0.6)
        response.stream(take)
    assert taken == len(body)


def test_without_a_least_rate_a_slow_answer_comes_to_its_end() -> None:
    settings = QUICK.model_copy(update={"least_rate_bytes_per_s": 0, "least_rate_window_s": 0.05})
    with serving(dripping(OK[:-4], b"here")) as url:
        assert _ask(url, settings) == b"here"


def test_a_store_that_sends_blanks_while_it_works_is_waited_for_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = QUICK.model_copy(update={"least_rate_window_s": 0.05})
    with serving(dripping(OK[:-4], b"here")) as url:
        assert _ask(url, settings, is_patient=True) == b"here"
    monkeypatch.setattr(patience, "UPLOAD_END_S", 0.3)
    with serving(dripping(LONG)) as url, pytest.raises(StorageUnavailable, match="not answered within 0.3 s"):
        _ask(url, settings, is_patient=True)


def test_only_whole_windows_are_judged() -> None:
    rate = LeastRate("here", Settings(least_rate_bytes_per_s=10, least_rate_window_s=60.0))
    moved = 0
    for _ in range(59):
        rate.count(1.0, lambda: moved)
    moved = 600
    rate.count(1.0, lambda: moved)
    moved = 1199
    with pytest.raises(StorageSlow, match="has moved 599 bytes in 60 s"):
        rate.count(61.0, lambda: moved)


def test_a_look_up_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def resolve(*_: object) -> list[str]:
        ended.wait(10)
        return []

    monkeypatch.setattr(policy, "resolve", resolve)
    with pytest.raises(StorageUnavailable, match="store.example was not resolved within 0.5 s"):
        _ask("http://store.example/x")
    ended.set()
