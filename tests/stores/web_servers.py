"""Buckets that behave like web servers and balancers that do not expect parts, or make files anew."""

import re
from itertools import count

from tests.stores.bucket import Answer, Bucket, Request, Stored


class BackEnds(Bucket):
    """Two back ends answer in turn, each with an ETag of its own for the same file."""

    knows_crc = False

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count()

    def etag(self, data: bytes) -> str:
        return f'"inode-{next(self._numbers) % 2}"'

    def get(self, request: Request) -> Answer:
        etag = request.headers.get("if-match", "")
        return Answer(412) if etag and etag != self.etag(b"") else super().get(_unconditional(request))


class NeverMatching(Bucket):
    """It answers each `If-Match` with 412, as behind a proxy that changes the ETags on their way out."""

    knows_crc = False

    def etag(self, data: bytes) -> str:
        return '"v1-gzip"'

    def get(self, request: Request) -> Answer:
        return Answer(412) if "if-match" in request.headers else super().get(request)


class Dynamic(Bucket):
    """It makes the file anew for each request: its time, its ETag and its length differ each time."""

    def __init__(self, kind: str, framing: str = "length") -> None:
        super().__init__()
        self._kind, self._framing, self._numbers = kind, framing, count(1)

    def get(self, request: Request) -> Answer:
        number = next(self._numbers)
        headers = {
            "time": {"Last-Modified": f"Mon, 30 Nov 2026 08:00:{number:02} GMT"},
            "etag": {"ETag": f'"{number}"'},
            "length": {},
        }[self._kind]
        grown = number if self._kind == "length" else 0
        return Answer(200, headers, self.objects[request.key].data + b"\n" * grown, self._framing)


class RefusingRanges(Bucket):
    """It refuses each request with `Range`, without a word about the size."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        return Answer(self._status, {"Content-Type": "text/html"}, b"<p>no</p>")


class FirstByteAlone(Bucket):
    """It serves the first byte as a part, and all of the file in place of any other."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        answer = super().part(stored, headers, span)
        return answer if len(answer.body) == 1 else Answer(200, headers, stored.data)


class WithEqualsSign(Bucket):
    """It writes `bytes=` in `Content-Range`."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        answer = super().part(stored, headers, span)
        told = answer.headers["Content-Range"].replace(" ", "=")
        return Answer(answer.status, answer.headers | {"Content-Range": told}, answer.body)


class MultipartRange(Bucket):
    """It answers with `multipart/byteranges` where one part was asked for."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        body = super().part(stored, headers, span).body
        return Answer(206, headers | {"Content-Type": "multipart/byteranges; boundary=B"}, b"--B" + body)


def _unconditional(request: Request) -> Request:
    return Request(
        request.method, request.host, request.path, request.key, request.query, _without_match(request)
    )


def _without_match(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "if-match"}
