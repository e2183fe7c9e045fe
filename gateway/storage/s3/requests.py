"""Requests for one object: GET, HEAD, PUT with a comparison of the answer, and the pages of a listing."""

import sys
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

from gateway.egress.bounds import ANSWER_BYTES, LISTING_BYTES
from gateway.egress.headers import parse_length
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageChanged, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.checksums import Stretch, compute_digests
from gateway.storage.s3.checksum_headers import decode_checksum, etag_md5
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import refuses_checksum, refuses_head, refuses_unsigned, store_errors
from gateway.storage.s3.sending import RequestSender, StoreRequest, encode_query
from gateway.storage.s3.signing import PAYLOAD
from gateway.storage.s3.xml_check import check_xml
from gateway.storage.store import Payload, StoredPart

CHECKSUM = "x-amz-checksum-crc64nvme"
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Checked(Protocol[Result_co]):
    """A request to a store, with a checksum or without."""

    def __call__(self, *, checked: bool) -> Result_co:
        """Send it."""


class ObjectRequests:
    """GET, HEAD and PUT of one object, and the pages of a listing below it."""

    def __init__(self, address: S3Address, session: StoreSession) -> None:
        self._address, self._session = address, session
        self._sender = RequestSender(address, session)

    def get(self, headers: Mapping[str, str]) -> Response:
        """Ask for the object or some of it, with all checksums that the store has of it."""

        def act(*, checked: bool) -> Response:
            mode = {"x-amz-checksum-mode": "ENABLED"} if checked else {}
            return self._sender.send(StoreRequest("GET", {**mode, **headers}))

        return self.with_checksum(act)

    def head(self, query: str = "") -> Mapping[str, str]:
        """Ask for the headers that would come with the object, or with a part of it."""
        with closing(self._sender.send(StoreRequest("HEAD", query=query))) as answer:
            answer.read(ANSWER_BYTES)
            return answer.headers

    def list_page(self, query: Mapping[str, str]) -> bytes:
        """Ask for a page of the bucket's objects, and return its XML, whose size and depth are bounded."""
        request = StoreRequest("GET", query=encode_query(query), is_of_bucket=True)
        with store_errors(self._address), closing(self._sender.send(request)) as answer:
            page = answer.read(LISTING_BYTES)
        check_xml(page, f"the store at {self._address.endpoint}")
        return page

    def length(self, headers: Mapping[str, str]) -> int | None:
        """Return the length in the headers of an answer; None where there is none, or a transfer coding."""
        if "content-length" not in headers or "transfer-encoding" in headers:
            return None
        return self.content_length(headers)

    def content_length(self, headers: Mapping[str, str]) -> int:
        """Return the length in the headers of an answer."""
        length = parse_length(headers.get("content-length", ""))
        if length is None:
            endpoint = self._address.endpoint
            raise StorageError(f"the store at {endpoint} does not say how long an object is")
        return length

    def size(self) -> int | None:
        """Ask for the object's size, by GET where HEAD is refused or tells none; None where neither does."""
        size = self._size_by_head()
        if size is None:
            with closing(self.get({})) as answer:
                size = self.length(answer.headers)
        return size

    def _size_by_head(self) -> int | None:
        try:
            return self.length(self.head())
        except ClientError as error:
            if not refuses_head(error.response):
                raise
            return None

    def check_size(self, size: int) -> bool:
        """Raise StorageUnavailable where the object has another size; return False where none is told.

        An account that may only write is told none. A missing object contradicts the answer to the upload.
        """
        try:
            with store_errors(self._address):
                stored = self.size()
        except StorageError as error:
            if error.fault is Fault.PERMISSION:
                return False
            if error.fault is not Fault.NOT_FOUND:
                raise
            raise StorageUnavailable(
                "the store has put no object together although it answered no error; it is tried again"
            ) from error
        if stored not in {None, size}:
            key = self._address.key
            raise StorageUnavailable(f"the store has {stored} of {size} bytes of {key!r}; it is tried again")
        return stored is not None

    def digest(self, data: Payload) -> Mapping[str, bytes]:
        """Return the digests to send with the data: one that the store checks and keeps.

        Where TLS does not protect the data, or the store demands it, its SHA-256 is signed as well.
        """
        signed = ["sha256"] if self._session.signs_bodies or not self._sender.is_secure else []
        return compute_digests(data.pieces(), ["crc64nvme", *signed])

    def put(self, data: Payload, digests: Mapping[str, bytes], query: str = "") -> StoredPart:
        """Send data that has these digests, and raise StorageUnavailable where the store has other bytes."""
        try:
            return self._put(data, digests, query)
        except ClientError as error:
            if "sha256" in digests or not refuses_unsigned(error.response):
                raise
        self._session.signs_bodies = True
        return self._put(data, self.digest(data), query)

    def _put(self, data: Payload, digests: Mapping[str, bytes], query: str) -> StoredPart:
        size = len(data)
        signed = {PAYLOAD: digests["sha256"].hex()} if "sha256" in digests else {}
        checksum = {CHECKSUM: b64encode(digests["crc64nvme"]).decode()}

        def act(*, checked: bool) -> Mapping[str, str]:
            data.seek(0)
            headers = checksum | signed if checked else signed
            with closing(self._sender.send(StoreRequest("PUT", headers, query, data, size))) as answer:
                answer.read(ANSWER_BYTES)
                return answer.headers

        stored = _read_stored_part(self.with_checksum(act), size)
        if has_bytes(stored, data, digests) is not False:
            return stored
        if stored.crc64nvme is not None:
            raise self._other_bytes()
        return replace(stored, is_doubtful=True)

    def check_bytes(self, data: Payload) -> None:
        """Read the object back, and raise StorageUnavailable unless the store has these bytes of it."""
        expected, size = self.digest(data), 0
        stretches = {name: Stretch(name, sys.maxsize) for name in expected}

        def take(piece: memoryview) -> bool:
            nonlocal size
            size += len(piece)
            for each in stretches.values():
                each.update(piece)
            return size <= len(data)

        with store_errors(self._address), closing(self.get({})) as answer:
            answer.stream(take)
        found = {name: each.digests()[0] for name, each in stretches.items()}
        if (size, found) != (len(data), expected):
            raise self._other_bytes()

    def _other_bytes(self) -> StorageUnavailable:
        key = self._address.key
        return StorageChanged(f"the store's bytes of {key!r} differ from those sent; it is tried again")

    def with_checksum(self, act: Checked[Result]) -> Result:
        """Send a request with a checksum, or for one; a store that refuses it gets none from then on."""
        if self._session.takes_checksums:
            try:
                return act(checked=True)
            except ClientError as error:
                if not refuses_checksum(error.response):
                    raise
        result = act(checked=False)
        self._session.takes_checksums = False  # known only now: the refusal may have had another reason
        return result


def has_bytes(stored: StoredPart, data: Payload, digests: Mapping[str, bytes]) -> bool | None:
    """Return whether the store has these very bytes; None where its answer holds no checksum."""
    if stored.crc64nvme is not None:
        return stored.crc64nvme == digests["crc64nvme"]
    return None if stored.md5 is None else compute_digests(data.pieces(), ["md5"])["md5"].hex() == stored.md5


def _read_stored_part(headers: Mapping[str, str], size: int) -> StoredPart:
    crc = decode_checksum("crc64nvme", headers.get(CHECKSUM, ""))
    etag = headers.get("etag", "").removeprefix("W/")  # as a proxy may have marked it
    return StoredPart(etag, size, crc, etag_md5(headers))
