"""The zoo of stores: one server whose buckets each behave like a class of real stores."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.stores.bucket import Answer, Bucket, Request
from tests.web import serving

_BODILESS = frozenset({204, 304})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    buckets: Mapping[str, Bucket]

    def _request(self, body: bytes = b"") -> tuple[Bucket, Request]:
        """Return the bucket that is named in the host or first in the path, and the request to it."""
        url, host = urlsplit(self.path), self.headers.get("Host", "").partition(":")[0]
        name, _, key = url.path.lstrip("/").partition("/")
        if host.split(".")[0] in self.buckets:
            name, key = host.split(".")[0], url.path[1:]
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(self.command, host, self.path, unquote(key), query, headers, body)
        return self.buckets[name], request

    def handle_expect_100(self) -> bool:
        bucket, request = self._request()
        refusal = bucket.expects(request)
        if refusal is None:
            return super().handle_expect_100() if bucket.goes_on() else True
        self.close_connection = True
        self._send(refusal)
        return False

    def _serve(self) -> None:
        bucket, request = self._request(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self._send(bucket.answer(request))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _send(self, answer: Answer) -> None:
        time.sleep(answer.wait_s)
        body = b"" if self.command == "HEAD" else _framed(answer)
        raw = _head(answer) + body
        if answer.cut is not None or answer.framing == "close" or answer.version == "1.0":
            self.close_connection = True
        with suppress(OSError):
            self.wfile.write(raw if answer.cut is None else raw[: answer.cut])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _framed(answer: Answer) -> bytes:
    if answer.framing in {"chunked", "both"}:
        body = b"%x\r\n%b\r\n" % (len(answer.body), answer.body) if answer.body else b""
        return body + b"0\r\n\r\n"
    return answer.body


def _head(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    if answer.framing in {"chunked", "both"}:
        headers["Transfer-Encoding"] = "chunked"
    if answer.framing == "both":
        headers.setdefault("Content-Length", "3")
    if answer.framing == "length" and answer.status not in _BODILESS:
        headers.setdefault("Content-Length", str(len(answer.body)))
    lines = [f"HTTP/{answer.version} {answer.status} -", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@contextmanager
def stores(**buckets: Bucket) -> Iterator[str]:
    """Serve the buckets, each under its name with `-` in place of `_`."""
    named = {name.replace("_", "-"): bucket for name, bucket in buckets.items()}
    with serving(type("Store", (_Handler,), {"buckets": named})) as url:
        yield url
