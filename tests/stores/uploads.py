"""Buckets that take uploads in other ways than S3: checksums, ETags of parts, and questions afterwards."""

from collections.abc import Callable

from tests.stores.bucket import CRC, Answer, Bucket, Request, error

_ALGORITHM = "x-amz-checksum-algorithm"


class RefusingChecksums(Bucket):
    """It refuses a checksum that it does not know, at some of the steps of an upload."""

    knows_crc = False

    def __init__(self, refusal: Answer, step: str = "all") -> None:
        super().__init__()
        self._refusal, self._step = refusal, step

    def answer(self, request: Request) -> Answer:
        if self._step in {"all", _step(request)} and _has_checksum(request):
            self.asked.append(request)
            return self._refusal
        return super().answer(request)


class RefusingAtTheEnd(RefusingChecksums):
    """It takes the checksums of parts, and refuses them where an upload ends."""

    knows_crc = True

    def __init__(self) -> None:
        super().__init__(error(400, "MalformedXML"), "end")


class RefusingUnsigned(Bucket):
    """It takes no body whose SHA-256 is not signed."""

    def answer(self, request: Request) -> Answer:
        if request.method != "PUT" or request.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD":
            return super().answer(request)
        refusal = error(400, "InvalidRequest")
        told = refusal.body.replace(b">no<", b">UNSIGNED-PAYLOAD PUT is not allowed<")
        return Answer(400, {}, told)


class LosingPartsOnce(Bucket):
    """It does not find the parts of the first upload, as MinIO under load."""

    def complete(self, request: Request, upload: str) -> Answer:
        return error(400, "InvalidPart") if upload == "upload-1" else super().complete(request, upload)


class WeakParts(Bucket):
    """A proxy before it marks ETags as weak; at the end it wants its own."""

    knows_crc = False

    def put_part(self, request: Request, upload: str) -> Answer:
        answer = super().put_part(request, upload)
        return Answer(200, {"ETag": f"W/{answer.headers['ETag']}"})

    def complete(self, request: Request, upload: str) -> Answer:
        return _unless(b"W/" in request.body, lambda: super(WeakParts, self).complete(request, upload))


class NamelessParts(Bucket):
    """A proxy before it drops the ETags of parts, which the store lists."""

    knows_crc = False

    def put_part(self, request: Request, upload: str) -> Answer:
        super().put_part(request, upload)
        return Answer()

    def complete(self, request: Request, upload: str) -> Answer:
        is_nameless = b"<ETag></ETag>" in request.body or b"<ETag />" in request.body
        return _unless(is_nameless, lambda: super(NamelessParts, self).complete(request, upload))


class Opaque(Bucket):
    """Its ETags are no MD5s, and its answer to HEAD is another one."""

    knows_crc = False

    def __init__(self, head: Answer | None = None, *, misses: int = 0) -> None:
        super().__init__()
        self._head, self._misses = head, misses

    def etag(self, data: bytes) -> str:
        return f'"{"cd" * 16}-3"'

    def get(self, request: Request) -> Answer:
        if request.method == "HEAD" and self._misses:
            self._misses -= 1
            return error(404, "NoSuchKey")
        answer = super().get(request)
        return self._head if self._head is not None and request.method == "HEAD" else answer


class OpaqueAndClosed(Opaque):
    """Its account may write alone."""

    def get(self, request: Request) -> Answer:
        return error(403, "AccessDenied")


class OtherMd5AndClosed(OpaqueAndClosed):
    """Its ETags look like MD5s besides, as of MinIO with keys of its own."""

    def etag(self, data: bytes) -> str:
        return f'"{"ab" * 16}"'


class Accepting(Bucket):
    """A web application that answers anything with its page."""

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        return Answer(200, {"Content-Type": "text/html"}, b"<!doctype html>")


def _step(request: Request) -> str:
    if request.method == "GET":
        return "get"
    if request.method == "PUT":
        return "part" if "uploadId" in request.query else "whole"
    return "end" if "uploadId" in request.query else "start"


def _has_checksum(request: Request) -> bool:
    if request.headers.get("x-amz-checksum-mode"):
        return True
    return not request.headers.keys().isdisjoint({CRC, _ALGORITHM}) or b"<ChecksumCRC64NVME>" in request.body


def _unless(is_wrong: bool, do: Callable[[], Answer]) -> Answer:  # noqa: FBT001
    return error(400, "InvalidPart") if is_wrong else do()
