"""Words of servers in errors: status lines, FTP replies and S3 codes arrive without control characters."""

import pytest

from gateway.errors import StorageError
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.opening import open_remote
from tests.raw import answering, serving

SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=5)
ESCAPE = b"\x1b]0;owned\x07\x9b31m\x85"


def _error_of(source: S3Address | str, keys: Credentials | None = None) -> str:
    with pytest.raises(StorageError) as caught:
        open_remote(source, keys, SETTINGS).ask()
    return str(caught.value)


@pytest.mark.parametrize("status", [404, 418, 429, 500])
def test_a_status_line(status: int) -> None:
    answer = b"HTTP/1.1 %d No%s\r\nContent-Length: 0\r\n\r\n" % (status, ESCAPE)
    with serving(answering(answer)) as url:
        shown = _error_of(url)
    assert "\\x1b]0;owned\\x07\\x9b31m" in shown
    assert shown.isprintable()


def test_a_reply_of_an_ftp_server() -> None:
    def greet(accepted: object) -> None:
        accepted.sendall(b"530 no " + ESCAPE + b"\r\n")  # type: ignore[attr-defined]

    with serving(greet) as url:
        assert _error_of(url.replace("http", "ftp")).isprintable()


def test_a_code_of_a_store() -> None:
    body = b"<Error><Code>Odd\xc2\x9b31m\xe2\x80\xaeabc" + b"x" * 9000 + b"</Code></Error>"
    answer = b"HTTP/1.1 409 x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with serving(answering(answer)) as url:
        shown = _error_of(S3Address(url.removesuffix("/x"), "local", "b", "k"), Credentials("a", "b"))
    assert "Odd\\x9b31m\\u202eabc" in shown
    assert shown.isprintable()
    assert len(shown) <= 2000


@pytest.mark.parametrize("location", [b"http://[", b"http://[::1", b"//\xe2\x84\x80/", b"http://h:port/"])
def test_a_redirect_to_no_url(location: bytes) -> None:
    answer = b"HTTP/1.1 302 x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location
    with serving(answering(answer)) as url:
        assert "redirects to" in _error_of(url)
