"""Peak memory of a process that reads hostile servers: below 300 MiB above idle (`-rP` shows the figures)."""

import itertools
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.hostile import endless, store
from tests.raw import serving
from tests.web import serving as serving_http

MOST_MIB = 300
CLAIMED = 1 << 60
PAGE = (
    "<ListBucketResult><IsTruncated>{more}</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    "{contents}</ListBucketResult>"
)
ENTRY = "<Contents><Key>in/{key}</Key><Size>1</Size></Contents>"
OK = b'HTTP/1.1 200 OK\r\nETag: "x"\r\n\r\n'


class _Claiming(BaseHTTPRequestHandler):
    """Claims an object of a size that no disk has, and sends zeros."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, stop = (int(told[1]), int(told[2] or CLAIMED - 1) + 1) if told else (0, CLAIMED)
        self.send_response(206 if told else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{CLAIMED}")
        self.send_header("ETag", '"x"')
        self.end_headers()
        with suppress(OSError):
            for _ in range(start, stop, 1 << 20):
                self.wfile.write(bytes(1 << 20))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _listing(contents: Callable[[int], str], tokens: str = "t{}") -> AbstractContextManager[str]:
    numbers = itertools.count()

    def answer(_: str) -> bytes:
        number = next(numbers)
        return PAGE.format(more="true", token=tokens.format(number), contents=contents(number)).encode()

    return store(answer)


def _pouring(accepted: socket.socket) -> None:
    while True:
        accepted.sendall(b"220-hello there\r\n" * 4000)


def _names(page: int) -> str:
    return "".join(ENTRY.format(key=f"{page}-{n}-{'k' * 1000}") for n in range(1000))


def _texts(page: int) -> str:
    return f"<a>{'k' * 15_000_000}</a>{ENTRY.format(key=page)}"


Serve = Callable[[], AbstractContextManager[str]]
CASES: list[tuple[str, str, Serve, str]] = [
    ("a claimed size", "claimed", lambda: serving_http(_Claiming), "enough"),
    ("an answer to a PUT", "put", lambda: serving(endless(OK, bytes(1 << 20))), "a body of more than"),
    ("an error", "read", lambda: serving(endless(OK.replace(b"200 OK", b"500 No"), b"<a>" * 9999)), "failed"),
    ("headers", "read", lambda: serving(endless(OK[:-2], b"X: y\r\n" * 9999)), "bytes of headers"),
    ("a page", "list", lambda: serving(endless(OK, bytes(1 << 20))), "a body of more than"),
    ("a page of tags", "list", lambda: _listing(lambda _: "<a/>" * 4_000_000), "elements and attributes"),
    ("a page of text", "list", lambda: _listing(_texts, "t"), "an XML element of more than"),
    ("long names", "list", lambda: _listing(_names), "more than 33554432 bytes"),
    ("a greeting", "greet", lambda: serving(_pouring), "a reply of more than"),
]


@pytest.mark.parametrize(("name", "case", "serve", "says"), CASES, ids=[name for name, *_ in CASES])
def test_a_hostile_server_takes_little_memory(
    name: str, case: str, serve: Serve, says: str, tmp_path: Path
) -> None:
    with serve() as url:
        root = url.removesuffix("/x")
        command = [sys.executable, "-m", "tests.hostile_reader", case, root, str(tmp_path)]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    found, mib = json.loads(told.stdout)
    print(f"{name}: {mib:.0f} MiB above idle")  # noqa: T201  a figure for the docs
    assert re.search(says, found)
    assert mib < MOST_MIB
