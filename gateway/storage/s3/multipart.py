"""Multipart uploads of one object: parts that are stored one by one and put together at the end.

They are checked by CRC-64/NVME, of each part and of the whole, where the store knows that. No part of
an upload can be checked in another way than the upload was begun with, so its name says which that is.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import quote

from botocore.exceptions import ClientError

from gateway.egress.connection import SizedBody
from gateway.errors import StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.checksums import combine_crcs
from gateway.storage.s3.checksum_headers import decode_checksum, etag_md5
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import code_of, store_errors
from gateway.storage.s3.requests import CHECKSUM, ObjectRequests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_ALGORITHM: Literal["CRC64NVME"] = "CRC64NVME"
_OURS = frozenset({_ALGORITHM, "SHA256"})  # which an older version has begun with
_CHECKED, _UNCHECKED = "crc64nvme:", "unchecked:"  # before the store's id
_CLOCK_SLACK = timedelta(seconds=10)  # between those who write rows and those who carry them out


@dataclass(frozen=True)
class StoredPart:
    """What the store says of a part, or of an object, that it has taken."""

    etag: str
    size: int
    crc64nvme: bytes | None  # None from a store that does not know this checksum
    md5: str | None  # hex; None where its ETag is something else


def read_stored_part(told: Mapping[str, str], size: int) -> StoredPart:
    """Return what the headers of an answer say of so many bytes that were sent."""
    crc = decode_checksum("crc64nvme", told.get(CHECKSUM, ""))
    return StoredPart(told.get("etag", ""), size, crc, etag_md5(told))


class _Name(TypedDict):
    Bucket: str
    Key: str


class MultipartUploads:
    """The uploads of an object."""

    def __init__(self, address: S3Address, requests: ObjectRequests, lent: StoreSession) -> None:
        self._address, self._requests, self._lent = address, requests, lent
        self._name: _Name = {"Bucket": address.bucket, "Key": address.key}

    @property
    def _client(self) -> "S3Client":
        return self._lent.client

    def start(self) -> str:
        """Begin an upload; return its name."""

        def act(*, checked: bool) -> str:
            if not checked:
                return _UNCHECKED + self._client.create_multipart_upload(**self._name)["UploadId"]
            answer = self._client.create_multipart_upload(**self._name, ChecksumAlgorithm=_ALGORITHM)
            return _CHECKED + answer["UploadId"]

        with store_errors(self._address):
            return self._requests.checked(act)

    def stored(self, upload: str) -> dict[int, StoredPart] | None:
        """Return the parts that the store has of an upload, by number; None when it cannot go on.

        It is gone, or an older version has begun it with another checksum.
        """
        if not upload.startswith((_CHECKED, _UNCHECKED)):
            return None
        return self._stored(_id(upload))

    def _stored(self, upload_id: str) -> dict[int, StoredPart] | None:
        try:
            with store_errors(self._address):
                pages = self._client.get_paginator("list_parts").paginate(**self._name, UploadId=upload_id)
                return {part["PartNumber"]: _listed(part) for page in pages for part in page.get("Parts", [])}
        except StorageUnavailable as error:
            if _is_gone(error):
                return None
            raise

    def put(self, upload: str, number: int, data: SizedBody, digests: Mapping[str, bytes]) -> StoredPart:
        """Store one part, numbered from 1."""
        query = f"partNumber={number}&uploadId={quote(_id(upload), safe='-_.~')}"
        with store_errors(self._address):
            return read_stored_part(self._requests.put(data, len(data), digests, query), len(data))

    def complete(self, upload: str, parts: Sequence[StoredPart]) -> None:
        """Make an object of the parts. A store that knows the checksum compares that of the whole."""
        named: list[Any] = [{"PartNumber": n, "ETag": part.etag} for n, part in enumerate(parts, start=1)]
        crcs = [(part.crc64nvme, part.size) for part in parts if part.crc64nvme is not None]
        whole: dict[str, Any] = {}
        if upload.startswith(_CHECKED) and len(crcs) == len(parts):
            whole["ChecksumCRC64NVME"] = _encoded(combine_crcs("crc64nvme", crcs))
            for each, (crc, _) in zip(named, crcs, strict=True):
                each["ChecksumCRC64NVME"] = _encoded(crc)
        with store_errors(self._address):
            try:
                self._client.complete_multipart_upload(
                    **self._name, UploadId=_id(upload), MultipartUpload={"Parts": named}, **whole
                )
            except ClientError as error:
                if code_of(error.response) == "BadDigest":
                    with suppress(StorageError):  # the first error is the one to tell
                        self.abort(upload)  # else the next try would find these very parts
                raise

    def abort(self, upload: str) -> None:
        """Throw the parts away; an upload that is gone is fine."""
        try:
            with store_errors(self._address):
                self._client.abort_multipart_upload(**self._name, UploadId=_id(upload))
        except StorageUnavailable as error:
            if not _is_gone(error):
                raise

    def lost(self, since: datetime) -> Iterator[str]:
        """Yield the open uploads that look like one whose id we have lost.

        S3 lets nobody mark an upload so that a listing shows it. Ours is of this very key, not older than
        the transfer, with our checksum, and without a part: those come only once its id is kept.
        """
        for page in self._open():
            oldest = since + _clock_lead(page) - _CLOCK_SLACK
            for found in page.get("Uploads", []):
                is_strange = found["Key"] != self._address.key or found["Initiated"] < oldest
                if is_strange or found.get("ChecksumAlgorithm", _ALGORITHM) not in _OURS:
                    continue
                if self._stored(found["UploadId"]) == {}:
                    yield found["UploadId"]

    def _open(self) -> Iterator[Any]:
        """Yield the pages of a listing of the uploads under way."""
        pages = self._client.get_paginator("list_multipart_uploads")
        try:
            with store_errors(self._address):
                yield from pages.paginate(Bucket=self._address.bucket, Prefix=self._address.key)
        except StorageUnavailable as error:
            if not _is_gone(error):  # how rclone's server says that there are none
                raise


def _id(upload: str) -> str:
    return upload.removeprefix(_CHECKED).removeprefix(_UNCHECKED)


def _listed(part: Any) -> StoredPart:
    crc, etag = decode_checksum("crc64nvme", part.get("ChecksumCRC64NVME", "")), part["ETag"]
    return StoredPart(etag, part["Size"], crc, etag_md5({"etag": etag}))


def _encoded(crc: bytes) -> str:
    return b64encode(crc).decode()


def _clock_lead(answer: Mapping[str, Any]) -> timedelta:
    """Return how much the store's clock is ahead of ours."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) - datetime.now(UTC) if told else timedelta(0)


def _is_gone(error: StorageError) -> bool:
    told = error.__cause__
    return isinstance(told, ClientError) and code_of(told.response) == "NoSuchUpload"
