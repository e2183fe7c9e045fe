"""An object of an S3 store, read and written over the gateway's own connections."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from gateway.errors import StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.sites.files import Slice
from gateway.storage import clients
from gateway.storage.address import Credentials, S3Address
from gateway.storage.connections import Answer
from gateway.storage.offered import MULTIPART_ETAG, checksums_of, checksums_of_parts, is_strong, md5_of
from gateway.storage.refusals import explained
from gateway.storage.remote import Readable, RemoteInfo
from gateway.storage.requests import ObjectRequests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Credentials", "S3Address", "S3Object", "StoredPart"]

_AT_ONCE_BYTES = 64 << 10
_CLOCK_SLACK = timedelta(seconds=10)  # between those who write rows and those who carry them out


@dataclass(frozen=True)
class StoredPart:
    """What the store says of a part, or of an object, that it has taken."""

    etag: str
    size: int
    sha256: str | None  # base64; None from a store that does not know this checksum
    md5: str | None  # hex; None where its ETag is something else


class _Name(TypedDict):
    Bucket: str
    Key: str


class S3Object:
    """One object, and the connections to its store."""

    def __init__(self, address: S3Address, credentials: Credentials, settings: Settings) -> None:
        self.address = address
        self._lent, self._is_cut = clients.lend(address, credentials, settings), False
        self._requests = ObjectRequests(address, self._lent)
        self._name: _Name = {"Bucket": address.bucket, "Key": address.key}
        self._first: Answer | None = None

    @property
    def _client(self) -> "S3Client":
        return self._lent.client

    def close(self) -> None:
        """Give the connections back."""
        self._drop_first()
        if self._is_cut:
            self._lent.close()
        else:
            clients.give_back(self._lent)

    def cut(self) -> None:
        """Break all connections, so that whoever waits for one of them stops waiting."""
        self._is_cut = True
        self._lent.connections.cut()

    def watched(self, watch: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watch` while the block waits for the server; what it raises ends that."""
        return self._lent.connections.watched(watch)

    def ask(self) -> RemoteInfo:
        """Begin to read the object: the answer tells size and checksums, and serves the first reading."""
        self._drop_first()
        with explained(self.address):
            answer = self._requests.get({})
        self._first = answer
        size, etag = self._length(answer.headers), answer.headers.get("etag", "")
        checksums = checksums_of(answer.headers)
        whole = self._at_once(answer, size)
        multipart = MULTIPART_ETAG.fullmatch(etag)
        if not multipart or is_strong(checksums):
            return RemoteInfo(size, etag, ranges=True, checksums=checksums, whole=whole)
        of_parts = checksums_of_parts(answer.headers)
        part_bytes = self._part_bytes(size, int(multipart[2])) if of_parts else 0
        if part_bytes:
            checksums |= of_parts
        elif self.size() != size:  # no checksum will tell
            raise self._cut_short()
        return RemoteInfo(
            size,
            etag,
            ranges=True,
            checksums=checksums,
            parts_bytes=part_bytes,
            has_even_parts=lambda: self._has_even_parts(part_bytes, int(multipart[2])),
            whole=whole,
        )

    def _at_once(self, answer: Answer, size: int) -> bytes | None:
        """Return the body of a small object; None of a large one, and of one that did not arrive whole."""
        if size > _AT_ONCE_BYTES:
            return None
        with suppress(BotoCoreError):
            return answer.read()
        self._drop_first()
        return None

    def size(self) -> int:
        """Ask how large the object is."""
        with explained(self.address):
            return self._length(self._requests.head())

    def below(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object whose key begins with ours; names begin after that."""
        start = len(self.address.key)
        with explained(self.address):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.address.bucket, Prefix=self.address.key):
                for found in page.get("Contents", []):
                    if found["Size"] or not found["Key"].endswith("/"):  # else a folder that tools make up
                        yield found["Key"][start:], found["Size"]

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open a range of the object as it was when `info` was asked for."""
        with explained(self.address):
            answer, self._first = (self._first, None) if start == 0 else (None, self._first)
            answer = answer or self._open_range(info, start, stop)
            with closing(answer):
                yield answer

    def _open_range(self, info: RemoteInfo, start: int, stop: int | None) -> Answer:
        wanted = {"If-Match": info.version} if info.version else {}
        if (start, stop) != (0, info.size):
            wanted["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        answer = self._requests.get(wanted)
        try:
            self._check_answer(answer, info, ((info.size if stop is None else stop) or 0) - start)
        except BaseException:
            answer.close()
            raise
        return answer

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _check_answer(self, answer: Answer, info: RemoteInfo, length: int) -> None:
        if answer.headers.get("etag", "") != info.version:  # not every store knows If-Match
            raise StorageChanged(f"object {self.address.key!r} was changed while it was read")
        told = self._length(answer.headers)
        if told < length:
            raise self._cut_short()
        if told > length:
            raise StorageError(f"the store at {self.address.endpoint} does not serve ranges as asked")

    def _length(self, headers: Mapping[str, str]) -> int:
        told = headers.get("content-length", "")
        if not told.isdecimal():
            raise StorageError(f"the store at {self.address.endpoint} does not say how long an object is")
        return int(told)

    def _cut_short(self) -> StorageUnavailable:
        endpoint = self.address.endpoint
        return StorageUnavailable(f"the answer of {endpoint} was cut short on its way; it is tried again")

    def put(self, data: bytes | Slice, sha256: str) -> StoredPart:
        """Store a small object whole."""
        return self._put(data, sha256)

    def start_upload(self) -> str:
        """Begin a multipart upload; return its id."""
        with explained(self.address):
            answer = self._client.create_multipart_upload(**self._name, ChecksumAlgorithm="SHA256")
        return answer["UploadId"]

    def stored_parts(self, upload_id: str) -> dict[int, StoredPart] | None:
        """Return the parts that the store has of an upload, by number; None when the upload is gone."""
        try:
            with explained(self.address):
                pages = self._client.get_paginator("list_parts").paginate(**self._name, UploadId=upload_id)
                return {
                    part["PartNumber"]: StoredPart(
                        part["ETag"], part["Size"], part.get("ChecksumSHA256"), md5_of({"etag": part["ETag"]})
                    )
                    for page in pages
                    for part in page.get("Parts", [])
                }
        except StorageUnavailable as error:
            if _is_gone(error):
                return None
            raise

    def put_part(self, upload_id: str, number: int, data: Slice, sha256: str) -> StoredPart:
        """Store one part, numbered from 1."""
        return self._put(data, sha256, f"partNumber={number}&uploadId={quote(upload_id, safe='-_.~')}")

    def _put(self, data: bytes | Slice, sha256: str, query: str = "") -> StoredPart:
        with explained(self.address):
            told = self._requests.put(data, len(data), sha256, query)
        return StoredPart(told.get("etag", ""), len(data), told.get("x-amz-checksum-sha256"), md5_of(told))

    def complete_upload(self, upload_id: str, parts: Sequence[StoredPart]) -> str:
        """Make an object of the parts; return its ETag."""
        checked = all(part.sha256 for part in parts)
        named: list[Any] = [
            {"PartNumber": n, "ETag": part.etag} | ({"ChecksumSHA256": part.sha256} if checked else {})
            for n, part in enumerate(parts, start=1)
        ]
        with explained(self.address):
            answer = self._client.complete_multipart_upload(
                **self._name, UploadId=upload_id, MultipartUpload={"Parts": named}
            )
        return answer["ETag"]

    def abort_upload(self, upload_id: str) -> None:
        """Throw the parts away; an upload that is gone is fine."""
        try:
            with explained(self.address):
                self._client.abort_multipart_upload(**self._name, UploadId=upload_id)
        except StorageUnavailable as error:
            if not _is_gone(error):
                raise

    def lost_uploads(self, since: datetime) -> Iterator[str]:
        """Yield the open uploads of this object that look like one whose id we have lost.

        S3 lets nobody mark an upload so that a listing shows it. Ours is of this very key, not older than
        the transfer, checked by SHA-256, and without a part: those come only once its id is kept.
        """
        for page in self._open_uploads():
            oldest = since + _clock_lead(page) - _CLOCK_SLACK
            for found in page.get("Uploads", []):
                is_strange = found["Key"] != self.address.key or found["Initiated"] < oldest
                if is_strange or found.get("ChecksumAlgorithm", "SHA256") != "SHA256":
                    continue
                if self.stored_parts(found["UploadId"]) == {}:
                    yield found["UploadId"]

    def _open_uploads(self) -> Iterator[Any]:
        """Yield the pages of a listing of the uploads under way."""
        pages = self._client.get_paginator("list_multipart_uploads")
        try:
            with explained(self.address):
                yield from pages.paginate(Bucket=self.address.bucket, Prefix=self.address.key)
        except StorageUnavailable as error:
            if not _is_gone(error):  # how rclone's server says that there are none
                raise

    def _part_bytes(self, size: int, count: int) -> int:
        """Return the size of the parts that the object was uploaded in; 0 when they are not alike.

        Only the first and the last are asked for: what lies between is certain of three at most.
        """
        try:
            with explained(self.address):
                first = self._size_of_part(1)
                last = self._size_of_part(count) if count > 1 else first
        except StorageBusy:  # which says nothing of the parts
            raise
        except StorageError:
            return 0
        return first if 0 < last <= first and first * (count - 1) + last == size else 0

    def _has_even_parts(self, part_bytes: int, count: int) -> bool:
        """Ask for the size of every part, and tell whether they are what the first one has promised."""
        with explained(self.address):
            return all(self._size_of_part(number) == part_bytes for number in range(2, count))

    def _size_of_part(self, number: int) -> int:
        return self._length(self._requests.head(f"partNumber={number}"))


def _clock_lead(answer: Mapping[str, Any]) -> timedelta:
    """Return how much the store's clock is ahead of ours."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) - datetime.now(UTC) if told else timedelta(0)


def _is_gone(error: StorageError) -> bool:
    told = error.__cause__
    return isinstance(told, ClientError) and told.response.get("Error", {}).get("Code") == "NoSuchUpload"
