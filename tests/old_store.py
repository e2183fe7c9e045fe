"""A store without CRC-64/NVME: a relay in front of a real store refuses requests that name this checksum."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler

from tests.web import serving

_XML = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>no</Message></Error>"


@dataclass
class Refusal:
    """The error of the relay, and the requests that it has refused."""

    status: int
    code: str
    targets: list[str] = field(default_factory=list)


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port: int
    refusal: Refusal

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = f"{self.headers}{body[:100_000]!r}" if self.command == "POST" else str(self.headers)
        if "crc64nvme" in told.lower():
            self.refusal.targets.append(f"{self.command} {self.path}")
            text = _XML.format(code=self.refusal.code).encode()
            self._answer(self.refusal.status, {"Content-Type": "application/xml"}, text)
            return
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as store:
            store.request(self.command, self.path, body or None, dict(self.headers))
            answer = store.getresponse()
            self._answer(answer.status, dict(answer.headers), answer.read())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _relay  # noqa: N815

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def old_store(port: int, refusal: Refusal) -> Iterator[str]:
    with serving(type("Relay", (_Relay,), {"port": port, "refusal": refusal})) as url:
        yield url
