"""A store that encrypts with a key of its customer's: its ETags look like an MD5 and are none."""

import os
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import S3Address
from tests.staging import SETTINGS, Recorder, at, stage_in, stage_out
from tests.web import serving

ENCRYPTION = "x-amz-server-side-encryption"


class Encrypting(BaseHTTPRequestHandler):
    """Keeps one object, and knows no checksums."""

    protocol_version = "HTTP/1.1"
    data: ClassVar[bytes]
    told: ClassVar[dict[str, str]]

    def do_PUT(self) -> None:
        type(self).data = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.data)

    def do_HEAD(self) -> None:
        self._answer(self.data, is_head=True)

    def _answer(self, body: bytes, *, is_head: bool = False) -> None:
        self.send_response(200)
        for name, value in self.told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_head:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize("etag", ["ab" * 16, "ab" * 16 + "-1"])
@pytest.mark.parametrize(
    "how",
    [{ENCRYPTION: "aws:kms"}, {ENCRYPTION: "aws:kms:dsse"}, {f"{ENCRYPTION}-customer-algorithm": "AES256"}],
)
def test_there_and_back_again(*, etag: str, how: dict[str, str], site: SharedFilesystem, home: Path) -> None:
    store = type("Store", (Encrypting,), {"data": b"", "told": {"ETag": f'"{etag}"', **how}})
    (home / "up").write_bytes(data := os.urandom(200_000))
    with serving(store) as url:
        there = S3Address(url, "local", "data", "k")
        stage_out(site, at(home, "up"), there, Recorder(), SETTINGS)
        stage_in(there, site, at(home, "down"), Recorder(), SETTINGS)
    assert (home / "down").read_bytes() == data
