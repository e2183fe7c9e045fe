"""Buckets whose ETags and checksums are something else than S3's."""

import base64
import hashlib
from dataclasses import replace
from itertools import count

from tests.stores.bucket import Answer, Bucket, Request, Stored, error

OTHER = hashlib.md5(b"something else", usedforsecurity=False).hexdigest()


class Etag(Bucket):
    """Its ETags have one form, and there is no checksum."""

    knows_crc = False

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def etag(self, data: bytes) -> str:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return self._form.format(md5=md5, MD5=md5.upper(), other=OTHER)


class WeakIsNoMatch(Etag):
    """Its ETags are weak, and `If-Match` with one is never fulfilled, as HTTP has it."""

    def get(self, request: Request) -> Answer:
        if request.headers.get("if-match", "").startswith("W/"):
            return Answer(412)
        return super().get(request)


class Changing(Bucket):
    """Each of its answers has an ETag of its own."""

    knows_crc = False

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def etag(self, data: bytes) -> str:
        return f'"{next(self._numbers)}"'


class Checksum(Etag):
    """Its objects have a checksum header: right, of the parts, or wrong; and an ETag that is no MD5."""

    def __init__(self, form: str, name: str, value: str) -> None:
        super().__init__(form)
        self._header = {f"x-amz-checksum-{name}": value}

    def describe(self, stored: Stored) -> dict[str, str]:
        return super().describe(stored) | self._header


class Corrupting(Etag):
    """Its ETags are MD5s, and every answer has a wrong byte, as behind a proxy that corrupts."""

    def get(self, request: Request) -> Answer:
        answer = super().get(request)
        if answer.status >= 300 or request.method == "HEAD":
            return answer
        return Answer(answer.status, answer.headers, b"X" + answer.body[1:])


class CorruptingOnce(Corrupting):
    """It corrupts its first answer alone."""

    def get(self, request: Request) -> Answer:
        return super().get(request) if len(self.asked) == 1 else Etag.get(self, request)


class Keeping(Etag):
    """It keeps other bytes than it was sent; its ETags are of neither."""

    def put(self, request: Request) -> Answer:
        answer = super().put(request)
        self.objects[request.key] = Stored(b"X" + request.body[1:])
        return answer


class CorruptingUploads(Etag):
    """A proxy before it changes a byte of each upload."""

    def put(self, request: Request) -> Answer:
        return super().put(replace(request, body=b"X" + request.body[1:]))


class RefusingMd5(Etag):
    """Its presigned URLs are signed with the `Content-MD5`, as in the second version of signatures."""

    def put(self, request: Request) -> Answer:
        is_signed = "content-md5" not in request.headers
        return super().put(request) if is_signed else error(403, "SignatureDoesNotMatch")


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
