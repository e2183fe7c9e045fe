"""FTP servers that greet without an end, reply too slowly, and give sizes that are none."""

import socket
import time

import pytest

from gateway.errors import StorageError, StorageSlow, StorageUnavailable
from gateway.settings import Settings
from gateway.storage.ftp import FtpFile
from tests.hostile import DRIP_S, dripping, ftp_session
from tests.raw import Behaviour, serving

QUICK = Settings(
    allowed_endpoints=["127.0.0.1"],
    connect_timeout_s=0.5,
    read_timeout_s=0.5,
    least_rate_bytes_per_s=1000,
    least_rate_window_s=0.5,
)


def _file(url: str) -> FtpFile:
    return FtpFile(url.replace("http", "ftp"), QUICK)


def _pouring(piece: bytes) -> Behaviour:
    def behave(accepted: socket.socket) -> None:
        while True:
            accepted.sendall(piece * 100)

    return behave


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (b"220-hello\r\n", "a reply of more than 200 lines"),
        (b"x" * 1000, "a line of more than 8192 bytes"),
        (b"\xff\r\n", "it is tried again"),
    ],
)
def test_a_greeting_without_an_end_is_cut_off(piece: bytes, says: str) -> None:
    with serving(_pouring(piece)) as url, pytest.raises(StorageError, match=says):
        _file(url).ask()


def test_a_greeting_in_another_encoding_than_utf_8_is_read() -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.sendall("220-Willkommen an der Universität\r\n".encode("latin-1"))
        ftp_session({}, lambda _: None)(accepted)

    with serving(behave) as url:
        assert _file(url).ask().size == 1_000_000


def test_a_greeting_that_comes_byte_by_byte_is_given_up() -> None:
    behave = dripping(rest=b"220-hello\r\n", is_asked=False)
    with serving(behave) as url, pytest.raises(StorageUnavailable, match="stopped sending"):
        _file(url).ask()


def test_a_reply_that_comes_byte_by_byte_is_given_up() -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.sendall(b"220 ready\r\n")
        dripping(b"331-", b"why\r\n")(accepted)

    with serving(behave) as url, pytest.raises(StorageUnavailable, match="stopped sending"):
        _file(url).ask()


@pytest.mark.parametrize("size", ["-5", "many", "", "1e9", "9" * 5000, "12 34"])
def test_a_size_that_is_none_is_named(size: str) -> None:
    session = ftp_session({"SIZE": f"213 {size}"}, lambda _: None)
    with (
        serving(session) as url,
        pytest.raises(StorageError, match="where a size is expected: check src") as got,
    ):
        _file(url).ask()
    assert not got.value.transient
    assert len(got.value.detail) < 250


@pytest.mark.parametrize(("high", "says"), [("999", "broke"), ("9" * 30, "check src")])
def test_a_port_that_is_none_is_an_error_of_the_server(high: str, says: str) -> None:
    session = ftp_session({"PASV": f"227 here (127,0,0,1,{high},9)"}, lambda _: None)
    with serving(session, session) as url:
        file = _file(url)
        info = file.ask()
        with pytest.raises(StorageError, match=says), file.read(info, 0, 10):
            pass


def test_bytes_that_come_one_by_one_are_given_up() -> None:
    def send(data: socket.socket) -> None:
        while True:
            data.sendall(b"x")
            time.sleep(DRIP_S)

    session = ftp_session({}, send)
    with serving(session, session) as url:
        file = _file(url)
        info = file.ask()
        with (
            pytest.raises(StorageSlow, match="below the least rate"),
            file.read(info, 0, 1000) as data,
        ):
            data.stream(lambda _: True)


def test_a_data_connection_leads_to_no_port_that_the_operator_has_not_listed() -> None:
    reached = list[bool]()
    session = ftp_session({}, lambda _: reached.append(True))
    with serving(session, session) as url:
        port = url.rsplit(":", 1)[1].split("/")[0]
        settings = QUICK.model_copy(update={"allowed_endpoints": [f"127.0.0.1:{port}"]})
        file = FtpFile(url.replace("http", "ftp"), settings)
        info = file.ask()
        with (
            pytest.raises(StorageError, match=r"not a public address.* or without a port"),
            file.read(info, 0, 10),
        ):
            pass
    assert reached == []
