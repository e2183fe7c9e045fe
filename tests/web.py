"""A web server and an FTP server of the tests' own, which serve what they are given, well or badly."""

import itertools
import re
import socketserver
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

from tests.servers import serving_in_thread


@dataclass
class Page:
    """What one path answers."""

    data: bytes = b""
    status: int = 200
    ranges: bool = True
    chunked: bool = False
    break_after: int | None = None  # once
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"v1"'})
    whole_headers: dict[str, str] = field(default_factory=dict)  # of an answer that is not a part
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[str, Page]

    def do_HEAD(self) -> None:
        page = self.pages.get(self.path, Page(status=404))
        self.send_response(page.status)
        for name, value in (page.headers | page.whole_headers).items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        page = self.pages.get(self.path, Page(b"<html>not here</html>", status=404))
        page.asked.append(self.headers.get("Range", ""))
        told = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if page.status != 200 or not page.ranges or not told:
            self._answer(page, page.status, page.data, page.whole_headers)
        elif int(told[1]) >= len(page.data):
            self._answer(page, 416, b"", {"Content-Range": f"bytes */{len(page.data)}"})
        else:
            start, stop = int(told[1]), int(told[2] or len(page.data) - 1) + 1
            span = f"bytes {start}-{stop - 1}/{len(page.data)}"
            self._answer(page, 206, page.data[start:stop], {"Content-Range": span})

    def _answer(self, page: Page, status: int, body: bytes, extra: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (page.headers | extra).items():
            self.send_header(name, value)
        if page.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if page.break_after is not None and len(body) > page.break_after:
            body, page.break_after = body[: page.break_after], None
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class SameForPost(BaseHTTPRequestHandler):
    """A handler that answers POST as GET, and keeps no log."""

    def do_GET(self) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web(pages: dict[str, Page]) -> Iterator[str]:
    with serving(type("Handler", (_Handler,), {"pages": pages})) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving_in_thread(server):
        yield f"http://127.0.0.1:{server.server_port}"


class _FtpSession(socketserver.StreamRequestHandler):
    files: dict[str, bytes]
    unknown: Container[str]  # commands
    replaced: dict[int, bytes]  # what a file has become when that reading of it begins
    numbers: Iterator[int]
    breaks: list[int]  # after how many bytes the next data connections end
    rests: list[int]  # where readings began that were asked to go on
    folder: str  # of the login, with a slash at its end
    replies: Mapping[str, str]  # in place of the ordinary ones, with {size} or {port}

    def handle(self) -> None:
        with suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        self._say("220 ready")
        rest, passive = 0, None
        while line := self.rfile.readline().decode().strip():
            word, _, argument = line.partition(" ")
            argument = argument if argument.startswith("/") or word == "REST" else self.folder + argument
            size = len(self.files.get(argument, b""))
            if own := self._own_reply(word):
                self._say(own.format(size=size))
            elif word in {"SIZE", "RETR", "MDTM"} and argument not in self.files:
                self._say("550 no such file")
            elif word == "SIZE":
                self._say(f"213 {size}")
            elif word == "MDTM":
                self._say(f"213 {crc32(self.files[argument])}")  # changes with the content
            elif word == "EPSV":
                passive = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
                self._say(f"229 here (|||{passive.server_address[1]}|)")
            elif word == "PASV":
                passive = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
                high, low = divmod(int(passive.server_address[1]), 256)
                lie = f"227 here (10,0,0,1,{high},{low})"  # about its address
                self._say(self.replies.get(word, lie).format(port=passive.server_address[1]))
            elif word == "REST":
                rest = int(argument)
                self.rests += [rest] if rest else []
                self._say("350 yes")
            elif word == "RETR" and passive is not None:
                self._say("150 coming")
                self.files[argument] = self.replaced.pop(next(self.numbers), self.files[argument])
                wanted, rest = self.files[argument][rest:], 0
                sent = wanted[: self.breaks.pop(0)] if self.breaks else wanted
                with passive, passive.get_request()[0] as data, suppress(OSError):
                    data.sendall(sent)  # who has enough hangs up
                self._say("226 done" if sent == wanted else "426 broken off")
            else:
                self._say({"USER": "331 who?", "PASS": "230 come in"}.get(word, "200 fine"))

    def _own_reply(self, word: str) -> str:
        """Return the reply in place of the ordinary one; empty where there is none."""
        reply = "502 what?" if word in self.unknown else self.replies.get(word, "")
        return "" if "{port}" in reply else reply

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def ftp(
    files: dict[str, bytes],
    *,
    unknown: Container[str] = (),
    replaced: dict[int, bytes] | None = None,
    breaks: Sequence[int] = (),
    rests: list[int] | None = None,
    folder: str = "/",
    replies: Mapping[str, str] | None = None,
) -> Iterator[str]:
    told = {
        "files": files,
        "unknown": unknown,
        "replaced": replaced or {},
        "numbers": itertools.count(),
        "breaks": list(breaks),
        "rests": [] if rests is None else rests,
        "folder": folder,
        "replies": replies or {},
    }
    handler = type("Session", (_FtpSession,), told)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with serving_in_thread(server):
        yield f"ftp://127.0.0.1:{server.server_address[1]}"
