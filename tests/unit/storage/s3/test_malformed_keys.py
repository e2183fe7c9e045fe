"""Malformed keys and regions: each operation ends in a sentence, and none quotes a key or a header."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from io import BytesIO

import pytest

from gateway.errors import GatewayError
from gateway.logs import JsonLines, TextLines
from gateway.queue.task import as_gateway_error
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3.object import S3Object
from tests.web import serving

CANARY = "CANARY7c1f"
SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=5)
MALFORMED = {
    "cyrillic": "ключ",
    "emoji": "\U0001f511",
    "umlaut": "ü",
    "line break": "\nX-Evil: 1",
    "return": "\rX-Evil: 1",
    "both": "\r\n\r\nGET / HTTP/1.1",
    "nul": "\0",
    "delete": "\x7f",
    "c1": "\x85",
    "separator": "\u2028",
    "surrogate": "\udc80",
    "spaces": "  ",
    "slashes": "/../",
    "quotes": "\"'",
    "percent": "%0d%0a",
    "long": "x" * 2000,
}
OPERATIONS: dict[str, Callable[[S3Object], object]] = {
    "ask": lambda opened: opened.ask(),
    "list": lambda opened: list(opened.below()),
    "start an upload": lambda opened: opened.uploads.start(),
    "list parts": lambda opened: opened.uploads.list_parts("unchecked:x"),
}


class _Refusing(BaseHTTPRequestHandler):
    """A store that refuses every request and quotes it in its refusal."""

    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = BytesIO(b"<Error><Code>SignatureDoesNotMatch</Code><Message>")
        body.seek(0, 2)
        body.write(str(self.headers).encode("utf-8", "replace") + b"</Message></Error>")
        self.send_response(403)
        self.send_header("Content-Length", str(len(body.getvalue())))
        self.end_headers()
        self.wfile.write(body.getvalue())

    do_GET = do_HEAD = do_PUT = do_POST = _refuse  # noqa: N815  names of http.server

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving(_Refusing) as url:
        yield url


def _shown(error: Exception) -> Iterator[str]:
    """Yield every form in which an exception reaches a row, a log or Flower."""
    yield from (str(error), repr(error), "".join(traceback.format_exception(error)))
    record = logging.LogRecord("x", logging.ERROR, "p", 1, "%r", (error,), (type(error), error, None))
    yield from (TextLines().format(record), JsonLines().format(record))


@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("field", ["access_key", "secret_key", "region"])
@pytest.mark.parametrize("odd", MALFORMED.values(), ids=MALFORMED)
def test_no_form_of_the_error_quotes_a_key(
    endpoint: str, odd: str, field: str, operate: Callable[[S3Object], object]
) -> None:
    fields = {"access_key": f"{CANARY}a", "secret_key": f"{CANARY}s", "region": "local"}
    fields[field] = f"{CANARY}r{odd}{CANARY}" if field != "region" else f"eu{odd}1"
    keys = Credentials(fields["access_key"], fields["secret_key"])
    address = S3Address(endpoint, fields["region"], "box", "key")
    with closing(S3Object(address, keys, SETTINGS)) as opened, pytest.raises(GatewayError) as caught:
        operate(opened)
    for text in _shown(as_gateway_error(caught.value, "a task")):
        assert CANARY not in text
        assert "Credential=" not in text
