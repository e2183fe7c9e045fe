"""Multipart uploads of one object: parts that are stored one by one and put together at the end.

They are checked by CRC-64/NVME, of each part and of the whole, where the store knows that. All parts of
an upload are checked in the way with which it was begun, so its id here begins with that way.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import islice
from typing import Any, Literal, TypedDict
from urllib.parse import quote

from botocore.exceptions import ClientError

from gateway.egress.bounds import LOST_UPLOADS, PARTS_OF_UPLOAD, UPLOAD_ID_CHARS
from gateway.errors import StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.checksums import combine_crcs
from gateway.storage.s3.checksum_headers import decode_checksum, etag_md5
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import code_of, readable_answers, store_errors
from gateway.storage.s3.listings import PARTS, UPLOADS, list_pages
from gateway.storage.s3.requests import ObjectRequests, has_bytes
from gateway.storage.store import Payload, StoredPart

_ALGORITHM: Literal["CRC64NVME"] = "CRC64NVME"
_OURS = frozenset({_ALGORITHM, "SHA256"})  # the latter by an older version
_CHECKED, _UNCHECKED = "crc64nvme:", "unchecked:"  # before the store's id
_WRONG_PARTS = frozenset({"BadDigest", "InvalidPart", "InvalidPartOrder"})
_CLOCK_SLACK = timedelta(seconds=10)  # between the API and the workers


class _Name(TypedDict):
    Bucket: str
    Key: str


class MultipartUploads:
    """Multipart uploads of one object."""

    def __init__(self, address: S3Address, requests: ObjectRequests, session: StoreSession) -> None:
        self._address, self._requests, self._session = address, requests, session
        self._name: _Name = {"Bucket": address.bucket, "Key": address.key}

    def _call(self, name: str, **named: object) -> Any:
        return self._session.call(name, **self._name, **named)

    def start(self) -> str:
        """Begin an upload; return its id."""

        def act(*, checked: bool) -> str:
            if not checked:
                return _UNCHECKED + _read_id(self._call("create_multipart_upload"))
            answer = self._call("create_multipart_upload", ChecksumAlgorithm=_ALGORITHM)
            return _CHECKED + _read_id(answer)

        with store_errors(self._address), readable_answers(self._address):
            return self._requests.with_checksum(act)

    def list_parts(self, upload_id: str) -> dict[int, StoredPart] | None:
        """Return the parts that the store has of an upload, by number; None when it cannot go on.

        It is gone, or an older version has begun it with another checksum.
        """
        if not upload_id.startswith((_CHECKED, _UNCHECKED)):
            return None
        return self._list_parts(_store_id(upload_id))

    def _list_parts(self, upload_id: str) -> dict[int, StoredPart] | None:
        try:
            pages = list_pages(partial(self._call, "list_parts"), PARTS, self._address, UploadId=upload_id)
            parts = (part for page in pages for part in page.get("Parts", []))
            with readable_answers(self._address):
                listed = islice(parts, PARTS_OF_UPLOAD)
                return {part["PartNumber"]: _read_listed_part(part) for part in listed}
        except StorageUnavailable as error:
            if _is_gone(error):
                return None
            raise

    def put(self, upload_id: str, number: int, data: Payload, known: StoredPart | None) -> StoredPart:
        """Store one part, numbered from 1, unless these bytes are the known part."""
        digests = self._requests.digest(data)
        if known is not None and known.size == len(data) and has_bytes(known, data, digests):
            is_checked = upload_id.startswith(_CHECKED)  # not every store lists the checksum
            return replace(known, crc64nvme=digests["crc64nvme"]) if is_checked else known
        query = f"partNumber={number}&uploadId={quote(_store_id(upload_id), safe='-_.~')}"
        with store_errors(self._address):
            return self._requests.put(data, digests, query)

    def complete(self, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Make an object of the parts; return whether the answer names the object.

        A store that knows the checksum compares that of the whole.
        """
        parts = self._with_etags(upload_id, parts)

        def act(*, checked: bool) -> bool:
            named = _contents(parts, checked=checked and upload_id.startswith(_CHECKED))
            answer = self._call("complete_multipart_upload", UploadId=_store_id(upload_id), **named)
            return bool(answer.get("ETag"))

        with store_errors(self._address), readable_answers(self._address):
            try:
                return self._requests.with_checksum(act)
            except ClientError as error:
                if code_of(error.response) in _WRONG_PARTS:
                    with suppress(StorageError):  # the first error is the one to report
                        self.abort(upload_id)  # else the next attempt would find these very parts
                raise

    def _with_etags(self, upload_id: str, parts: Sequence[StoredPart]) -> Sequence[StoredPart]:
        """Return the parts with the ETags of the store's list where its answers had none."""
        if all(part.etag for part in parts):
            return parts
        listed = self._list_parts(_store_id(upload_id)) or {}
        return [
            replace(part, etag=part.etag or listed[number].etag) if number in listed else part
            for number, part in enumerate(parts, start=1)
        ]

    def check_size(self, size: int) -> bool:
        """Raise StorageUnavailable where the object has another size; return False where none is told."""
        return self._requests.check_size(size)

    def abort(self, upload_id: str) -> None:
        """Remove the parts; an upload that is gone is fine."""
        try:
            with store_errors(self._address), readable_answers(self._address):
                self._call("abort_multipart_upload", UploadId=_store_id(upload_id))
        except StorageUnavailable as error:
            if not _is_gone(error):
                raise

    def find_lost(self, since: datetime) -> Iterator[str]:
        """Yield the open uploads with an id that was lost between the store's answer and the row.

        An upload cannot be marked so that a listing shows the mark. A lost one is of this very key, not older
        than the transfer, with our checksum, and without a part: parts are sent only once its id is kept.
        """
        ours = (upload_id for page in self._list_open() for upload_id in self._read_ours(page, since))
        for upload_id in islice(ours, LOST_UPLOADS):
            if self._list_parts(upload_id) == {}:
                yield upload_id

    def _read_ours(self, page: Any, since: datetime) -> list[str]:
        """Return the ids on a page that may be of this transfer."""
        with readable_answers(self._address):
            oldest = since + _clock_lead(page) - _CLOCK_SLACK
            return [
                found["UploadId"]
                for found in page.get("Uploads", [])
                if found["Key"] == self._address.key
                and found["Initiated"] >= oldest
                and found.get("ChecksumAlgorithm", _ALGORITHM) in _OURS
            ]

    def _list_open(self) -> Iterator[Any]:
        """Yield the pages of a listing of the uploads under way."""
        call = partial(self._session.call, "list_multipart_uploads")
        named = {"Bucket": self._address.bucket, "Prefix": self._address.key}
        try:
            yield from list_pages(call, UPLOADS, self._address, **named)
        except StorageUnavailable as error:
            if not _is_gone(error):  # how rclone's server says that there are none
                raise


def _contents(parts: Sequence[StoredPart], *, checked: bool) -> dict[str, Any]:
    """Return the parameters that name the parts of an object, with their checksums where all have one."""
    entries: list[Any] = [{"PartNumber": n, "ETag": part.etag} for n, part in enumerate(parts, start=1)]
    crcs = [(part.crc64nvme, part.size) for part in parts if part.crc64nvme is not None]
    if not checked or len(crcs) < len(parts):
        return {"MultipartUpload": {"Parts": entries}}
    for each, (crc, _) in zip(entries, crcs, strict=True):
        each["ChecksumCRC64NVME"] = _encode(crc)
    whole = _encode(combine_crcs("crc64nvme", crcs))
    return {"MultipartUpload": {"Parts": entries}, "ChecksumCRC64NVME": whole}


def _store_id(upload_id: str) -> str:
    return upload_id.removeprefix(_CHECKED).removeprefix(_UNCHECKED)


def _read_id(answer: Any) -> str:
    upload_id = answer["UploadId"]
    if not 0 < len(upload_id) <= UPLOAD_ID_CHARS:
        raise ValueError("an id of no use")
    return str(upload_id)


def _read_listed_part(part: Any) -> StoredPart:
    crc, etag = decode_checksum("crc64nvme", part.get("ChecksumCRC64NVME", "")), part["ETag"]
    return StoredPart(etag, part["Size"], crc, etag_md5({"etag": etag}))


def _encode(crc: bytes) -> str:
    return b64encode(crc).decode()


def _clock_lead(answer: Mapping[str, Any]) -> timedelta:
    """Return how much the store's clock is ahead of ours."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) - datetime.now(UTC) if date else timedelta(0)


def _is_gone(error: StorageError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause.response) == "NoSuchUpload"
