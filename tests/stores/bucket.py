"""A bucket that behaves as S3 does: the base of those that misbehave like classes of real stores."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from itertools import count
from xml.sax.saxutils import escape

from awscrt.checksums import crc64nvme

CRC = "x-amz-checksum-crc64nvme"
MODIFIED = "Mon, 30 Nov 2026 08:00:00 GMT"


@dataclass(frozen=True)
class Request:
    """A request as a bucket sees it; the names of headers are in lower case."""

    method: str
    host: str
    path: str  # as it was sent
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer, and how its body is delimited: by `length`, `chunked`, by `both`, or by the `close`."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    framing: str = "length"
    version: str = "1.1"
    cut: int | None = None  # the connection ends after so many bytes, head included
    wait_s: float = 0.0


@dataclass
class Stored:
    """An object, and the headers that its answers have beside the usual ones."""

    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


def error(status: int, code: str, more: str = "", headers: dict[str, str] | None = None) -> Answer:
    answer = xml("Error", f"<Code>{code}</Code><Message>no</Message>{more}")
    return Answer(status, headers or {}, answer.body)


def xml(root: str, content: str) -> Answer:
    return Answer(body=f"<?xml version='1.0' encoding='UTF-8'?>\n<{root}>{content}</{root}>".encode())


class Bucket:
    """One bucket of a store that does all that staging needs."""

    knows_crc = True

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.asked: list[Request] = []
        self._upload_ids = count(1)

    def answer(self, request: Request) -> Answer:
        """Answer any request."""
        self.asked.append(request)
        upload = request.query.get("uploadId", "")
        match request.method:
            case "GET" if not request.key:
                return self.list_uploads() if "uploads" in request.query else self.list_objects(request)
            case "GET" if upload:
                return self.list_parts(upload)
            case "GET" | "HEAD":
                return self.get(request)
            case "PUT":
                return self.put_part(request, upload) if upload else self.put(request)
            case "POST":
                return self.complete(request, upload) if upload else self.start(request)
            case _:
                return self.abort(upload)

    def expects(self, request: Request) -> Answer | None:
        """Answer `Expect: 100-continue`: None asks for the body."""

    def goes_on(self) -> bool:
        """Tell whether an expectation is answered at all."""
        return True

    def etag(self, data: bytes) -> str:
        return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'

    def describe(self, stored: Stored) -> dict[str, str]:
        """Return the headers of an object."""
        etag = self.etag(stored.data)
        return {"Last-Modified": MODIFIED, **({"ETag": etag} if etag else {}), **stored.headers}

    def get(self, request: Request) -> Answer:
        stored = self.objects.get(request.key)
        if stored is None:
            return error(404, "NoSuchKey")
        headers = self.describe(stored)
        if request.headers.get("if-match", headers.get("ETag")) != headers.get("ETag"):
            return error(412, "PreconditionFailed")
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        return self.part(stored, headers, span) if span else Answer(200, headers, stored.data)

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        """Answer a request with `Range`."""
        size, start = len(stored.data), int(span[1])
        stop = min(size, int(span[2] or size - 1) + 1)
        if start >= size:
            return Answer(416, {"Content-Range": f"bytes */{size}"})
        told = {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Answer(206, headers | told, stored.data[start:stop])

    def put(self, request: Request) -> Answer:
        if request.headers.get("if-none-match") == "*" and request.key in self.objects:
            return error(412, "PreconditionFailed")
        crc, md5 = _crc(request.body), _md5(request.body)
        if self.knows_crc and request.headers.get(CRC, crc) != crc:
            return error(400, "BadDigest")
        if request.headers.get("content-md5", md5) != md5:
            return error(400, "BadDigest")
        self.objects[request.key] = Stored(request.body, {CRC: crc} if self.knows_crc else {})
        return Answer(200, self.stored_headers(request.body))

    def stored_headers(self, data: bytes) -> dict[str, str]:
        """Return the headers of the answer to an upload."""
        etag = self.etag(data)
        return ({"ETag": etag} if etag else {}) | ({CRC: _crc(data)} if self.knows_crc else {})

    def start(self, request: Request) -> Answer:
        upload = f"upload-{next(self._upload_ids)}"
        self.uploads[upload] = {}
        return xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")

    def put_part(self, request: Request, upload: str) -> Answer:
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        self.uploads[upload][int(request.query["partNumber"])] = request.body
        return Answer(200, self.stored_headers(request.body))

    def complete(self, request: Request, upload: str) -> Answer:
        parts = self.uploads.pop(upload, None)
        if parts is None:
            return error(404, "NoSuchUpload")
        data = b"".join(parts[number] for number in sorted(parts))
        self.objects[request.key] = Stored(data, {CRC: _crc(data)} if self.knows_crc else {})
        return xml("CompleteMultipartUploadResult", f"<ETag>{escape(self.etag(data))}</ETag>")

    def list_parts(self, upload: str) -> Answer:
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        parts = (
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(self.etag(data))}</ETag>"
            f"<Size>{len(data)}</Size></Part>"
            for number, data in sorted(self.uploads[upload].items())
        )
        return xml("ListPartsResult", f"<IsTruncated>false</IsTruncated>{''.join(parts)}")

    def list_uploads(self) -> Answer:
        return xml("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>")

    def abort(self, upload: str) -> Answer:
        return Answer(204) if self.uploads.pop(upload, None) is not None else error(404, "NoSuchUpload")

    def list_objects(self, request: Request) -> Answer:
        """List in pages of 1,000 keys."""
        raise NotImplementedError


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _crc(data: bytes) -> str:
    return base64.b64encode(crc64nvme(data).to_bytes(8, "big")).decode()
