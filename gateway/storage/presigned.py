"""An object behind a presigned URL: read in ranges, or written whole, with no other right than the URL's."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from gateway.egress.bounds import ANSWER_BYTES
from gateway.egress.connection import Body, SizedBody
from gateway.egress.pool import Response
from gateway.errors import StorageChanged, StorageError
from gateway.settings import Settings
from gateway.storage.address import PresignedUrl, S3Address
from gateway.storage.answer_headers import page_warnings
from gateway.storage.checksums import compute_digests
from gateway.storage.remote import RemoteInfo
from gateway.storage.s3.checksum_headers import ETAG_HINTS, etag_md5
from gateway.storage.store import Payload, StoredPart
from gateway.storage.web import WebFile, http_error

LARGEST_PUT_BYTES = 5 << 30  # the limit of S3 for one request
_STORED = frozenset({200, 201, 204})
_FRESH = "send a retry with a fresh presigned_url"


class PresignedObject(WebFile):
    """One object of a store, and the URL that opens it; messages show its address."""

    reasons: Mapping[int, str] = {
        400: f"the URL's signature is not accepted: {_FRESH}",
        401: f"the URL's signature is not accepted: {_FRESH}",
        403: f"the URL has expired or was signed for something else: {_FRESH}",
        404: "the object or its bucket does not exist: check both",
    }
    advice = "check the URL"
    uploads = None  # the URL is signed for one request

    def __init__(self, address: S3Address, secret: PresignedUrl, settings: Settings) -> None:
        super().__init__(secret.url, settings)
        self._address = address

    def put(self, data: SizedBody) -> StoredPart:
        """Store all the data with one request."""
        if len(data) > LARGEST_PUT_BYTES:
            raise StorageError("a presigned URL takes 5 GiB at most: send keys for larger files")
        digest = _Md5(data)
        with closing(self._put(data, digest)) as answer:
            if answer.status not in _STORED:
                raise http_error(answer, self._url, self.reasons, self.advice)
        md5 = etag_md5(answer.headers)
        doubt = md5 is not None and md5 != digest.hexdigest()
        etag = answer.headers.get("etag", "")
        if not etag and page_warnings(answer.headers, self._address.key):
            raise StorageError(
                f"{self._address.endpoint} answers with a web page, as no S3 store does: check it"
            )
        return StoredPart(etag, len(data), None, md5, is_doubtful=doubt, is_sized=md5 is not None)

    def check_bytes(self, data: Payload) -> str:
        """Send the bytes once more with their Content-MD5, which the store compares: the URL cannot read."""
        md5 = compute_digests(data.pieces(), ["md5"])["md5"]
        data.seek(0)
        with closing(self._put(data, data, {"Content-MD5": b64encode(md5).decode()})) as answer:
            if answer.status in _STORED:
                return "second upload with Content-MD5"
            raise self._refusal(answer)

    def _refusal(self, answer: Response) -> StorageError:
        """Return the error for an answer to bytes with their Content-MD5."""
        place = f"object {self._address.key!r} in bucket {self._address.bucket!r}"
        if b"<Code>BadDigest</Code>" in answer.read_start(ANSWER_BYTES):
            return StorageChanged(f"other bytes than those sent reach {place}; it is tried again")
        error = http_error(answer, self._url, self.reasons, self.advice)
        if error.transient:
            return error
        return StorageError(
            f"the ETag of {place} is not the MD5 of the bytes that were sent, a presigned URL cannot read"
            f" them back, and it takes no Content-MD5 ({answer.status}): send access_key and secret_key"
        )

    def _put(self, data: SizedBody, body: Body, more: Mapping[str, str] | None = None) -> Response:
        headers = {"Content-Length": str(len(data)), **(more or {})}
        return self._connections.send("PUT", self._url, headers, body)

    def _describe(self, answer: Response, version: str, size: int | None) -> RemoteInfo:
        info = super()._describe(answer, version, size)
        is_hint = etag_md5(answer.headers) is not None and not super()._checksums(answer.headers, whole=True)
        return replace(info, hints=ETAG_HINTS) if is_hint else info

    def _checksums(self, headers: Mapping[str, str], *, whole: bool) -> dict[str, str]:
        """Return the checksums of any web server, and of a store the ETag that is an MD5."""
        md5 = etag_md5(headers)
        return ({"md5": md5} if md5 else {}) | super()._checksums(headers, whole=whole)


class _Md5:
    """A body that takes its MD5 while it is sent."""

    def __init__(self, data: SizedBody) -> None:
        self._data = data
        self.seek(0)

    def seek(self, offset: int) -> int:
        self._digest = hashlib.md5(usedforsecurity=False)
        return self._data.seek(offset)

    def read(self, size: int = -1) -> bytes:
        piece = self._data.read(size)
        self._digest.update(piece)
        return piece

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
