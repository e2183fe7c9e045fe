"""Buckets whose answers have bodies, lengths and ranges in other forms than S3's."""

import gzip
import re
from dataclasses import replace

from tests.stores.bucket import Answer, Bucket, Request, Stored, error, xml


class NoRanges(Bucket):
    """It ignores `Range`."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        return Answer(200, headers, stored.data)


class OtherPart(Bucket):
    """It answers a request with `Range` with as many bytes of another place."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        answer = super().part(stored, headers, span)
        start, stop = 0, len(answer.body)
        told = f"bytes {start}-{stop - 1}/{len(stored.data)}"
        return Answer(206, answer.headers | {"Content-Range": told}, stored.data[start:stop])


class ToTheEnd(Bucket):
    """It answers a request with `Range` with all from the first byte on."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        size, start = len(stored.data), int(span[1])
        return Answer(
            206, headers | {"Content-Range": f"bytes {start}-{size - 1}/{size}"}, stored.data[start:]
        )


class SmallerPart(Bucket):
    """It answers a request with `Range` with 6 MiB of the part at most, and says so."""

    def part(self, stored: Stored, headers: dict[str, str], span: re.Match[str]) -> Answer:
        body = super().part(stored, headers, span).body[: 6 << 20]
        start, size = int(span[1]), len(stored.data)
        told = f"bytes {start}-{start + len(body) - 1}/{size}"
        return Answer(206, headers | {"Content-Range": told}, body)


class PartUnasked(Bucket):
    """It answers a request without `Range` with a part."""

    def get(self, request: Request) -> Answer:
        answer = super().get(request)
        is_whole = request.method == "GET" and answer.status == 200
        return replace(answer, status=206, body=answer.body[:3]) if is_whole else answer


class Framed(Bucket):
    """It delimits the bodies of objects in another way, as another version of HTTP."""

    def __init__(self, framing: str, version: str = "1.1", wait_s: float = 0.0) -> None:
        super().__init__()
        self._framing, self._version, self._wait_s = framing, version, wait_s

    def get(self, request: Request) -> Answer:
        answer = super().get(request)
        if request.method == "HEAD" or answer.status >= 300:
            return answer
        return replace(answer, framing=self._framing, version=self._version, wait_s=self._wait_s)


class WithoutAnEnd(NoRanges, Framed):
    """It ignores `Range`, and its bodies end with the connection."""

    def __init__(self, version: str) -> None:
        super().__init__("close", version)


class CutOnce(Framed):
    """It ends the connection within its first answer, after so many bytes."""

    cut_after = 0
    knows_crc = False

    def get(self, request: Request) -> Answer:
        answer = super().get(request)
        return answer if len(self.asked) > 1 else replace(answer, cut=self.cut_after)

    def etag(self, data: bytes) -> str:
        return '"v1"'


class Packed(Bucket):
    """Its objects have a content coding, which is no coding of the transfer."""

    def __init__(self, coding: str) -> None:
        super().__init__()
        self._coding = coding

    def describe(self, stored: Stored) -> dict[str, str]:
        return super().describe(stored) | {"Content-Encoding": self._coding}


class Unpacked(Bucket):
    """It unpacks its objects on their way, as GCS does; ETag and checksums are of the packed ones."""

    knows_crc = False

    def get(self, request: Request) -> Answer:
        data = self.objects[request.key].data
        told = {"x-goog-stored-content-encoding": "gzip", "x-goog-stored-content-length": str(len(data))}
        return Answer(200, self.describe(self.objects[request.key]) | told, gzip.decompress(data), "chunked")


class Unexpecting(Bucket):
    """It answers `Expect: 100-continue` with 417."""

    def expects(self, request: Request) -> Answer:
        return Answer(417)


class SilentAboutExpectations(Bucket):
    """It never answers `Expect: 100-continue`, and waits for the body."""

    def goes_on(self) -> bool:
        return False


class Complete(Bucket):
    """It answers the end of an upload in another way; the object is there or not."""

    def __init__(self, answer: Answer, *, does: bool) -> None:
        super().__init__()
        self._answer, self._does = answer, does

    def complete(self, request: Request, upload: str) -> Answer:
        if self._does or self.completions() > 1:
            true = super().complete(request, upload)
            return self._answer if self._does else true
        return self._answer

    def completions(self) -> int:
        return sum(each.method == "POST" and "uploadId" in each.query for each in self.asked)


INSIDE = replace(error(500, "InternalError"), status=200)
BLANKS = b"   \r\n  "
INSIDE_AFTER_BLANKS = replace(INSIDE, body=BLANKS + INSIDE.body, framing="chunked")
DONE_AFTER_BLANKS = Answer(
    body=BLANKS + xml("CompleteMultipartUploadResult", "<ETag>x</ETag>").body, framing="chunked"
)
EMPTY = Answer()
GZIPPED = gzip.compress(b"1,2,3\n" * 1000)
