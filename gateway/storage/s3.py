"""An object of an S3 store, read and written with boto3 under the gateway's own connections."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, TypedDict, cast

from botocore.exceptions import BotoCoreError, ClientError

from gateway.errors import StorageChanged, StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.sites.files import Slice
from gateway.storage import clients
from gateway.storage.address import Credentials, S3Address
from gateway.storage.refusals import explained, refusal
from gateway.storage.remote import Readable, RemoteInfo

__all__ = ["Credentials", "S3Address", "S3Object", "StoredPart"]

_MD5_ETAG = re.compile(r'"?([0-9a-f]{32})"?')  # of an object stored in one piece
_MULTIPART_ETAG = re.compile(r'"?([0-9a-f]{32}-([1-9][0-9]*))"?')


@dataclass(frozen=True)
class StoredPart:
    """What the store says of a part, or of an object, that it has taken."""

    etag: str
    size: int
    sha256: str | None  # base64; None from a store that does not know this checksum


class _Name(TypedDict):
    Bucket: str
    Key: str


class S3Object:
    """One object, and the connections to its store."""

    def __init__(self, address: S3Address, credentials: Credentials, settings: Settings) -> None:
        self.address = address
        self._lent = clients.lend(address, credentials, settings)
        self._client, self._is_cut = self._lent.client, False
        self._name: _Name = {"Bucket": address.bucket, "Key": address.key}

    def close(self) -> None:
        """Give the connections back."""
        if self._is_cut:
            self._lent.close()
        else:
            clients.give_back(self._lent)

    def cut(self) -> None:
        """Break all connections, so that whoever waits for one of them stops waiting."""
        self._is_cut = True
        self._lent.session.cut()

    def head(self) -> RemoteInfo:
        """Ask for size and checksums; raise the error that a user understands when it is refused."""
        try:
            with explained(self.address):
                answer = self._client.head_object(**self._name, ChecksumMode="ENABLED")
        except StorageError as error:
            self._raise_clearer(error)
            raise
        etag, size = answer.get("ETag", ""), answer["ContentLength"]
        checksums, count = _checksums(answer), _MULTIPART_ETAG.fullmatch(etag)
        if not count or "sha256" in checksums:
            return RemoteInfo(size, etag, ranges=True, checksums=checksums)
        part_bytes = self._part_bytes(size, int(count[2]))
        if part_bytes:
            checksums |= _checksums_of_parts(answer, count[1])
        return RemoteInfo(size, etag, ranges=True, checksums=checksums, parts_bytes=part_bytes)

    def below(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object whose key begins with ours; names begin after that."""
        start = len(self.address.key)
        with explained(self.address):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.address.bucket, Prefix=self.address.key):
                for found in page.get("Contents", []):
                    if not found["Key"].endswith("/"):  # a folder that some tools make up
                        yield found["Key"][start:], found["Size"]

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open a range of the object as it was when `info` was asked for."""
        wanted: dict[str, Any] = {"IfMatch": info.version} if info.version else {}
        if (start, stop) != (0, info.size):
            wanted["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        with explained(self.address):
            answer = self._client.get_object(**self._name, **wanted)
            body, length = answer["Body"], (info.size if stop is None else stop) or 0
            try:
                self._check_answer(answer, info, length - start)
                yield cast("Readable", body)
            except BaseException:
                body.close()
                raise

    def _check_answer(self, answer: Mapping[str, Any], info: RemoteInfo, length: int) -> None:
        if answer.get("ETag", "") != info.version:  # not every store knows If-Match
            raise StorageChanged(f"object {self.address.key!r} was changed while it was read")
        if answer["ContentLength"] != length:
            raise StorageError(f"the store at {self.address.endpoint} does not serve ranges as asked")

    def put(self, data: Slice, sha256: str) -> StoredPart:
        """Store a small object whole."""
        with explained(self.address):
            answer = self._client.put_object(
                **self._name, Body=cast("IO[bytes]", data), ChecksumSHA256=sha256
            )
        return StoredPart(answer["ETag"], len(data), answer.get("ChecksumSHA256"))

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
                    part["PartNumber"]: StoredPart(part["ETag"], part["Size"], part.get("ChecksumSHA256"))
                    for page in pages
                    for part in page.get("Parts", [])
                }
        except StorageUnavailable as error:
            if _is_gone(error):
                return None
            raise

    def put_part(self, upload_id: str, number: int, data: Slice, sha256: str) -> StoredPart:
        """Store one part, numbered from 1."""
        with explained(self.address):
            answer = self._client.upload_part(
                **self._name,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast("IO[bytes]", data),
                ChecksumSHA256=sha256,
            )
        return StoredPart(answer["ETag"], len(data), answer.get("ChecksumSHA256"))

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

    def _part_bytes(self, size: int, count: int) -> int:
        """Return the size of the parts that the object was uploaded in; 0 when that cannot be known."""
        with suppress(BotoCoreError, ClientError):
            first = self._client.head_object(**self._name, PartNumber=1)["ContentLength"]
            return first if first and -(-size // first) == count else 0
        return 0

    def _raise_clearer(self, error: StorageError) -> None:
        """Ask once more with a request whose refusal has a body: the answer to a HEAD is a number only."""
        if error.transient or not isinstance(error.__cause__, ClientError):
            return
        try:
            self._client.get_object(**self._name, Range="bytes=0-0")["Body"].close()
        except ClientError as told:
            raise refusal(told.response, self.address) from told
        except BotoCoreError:
            return


def _is_gone(error: StorageError) -> bool:
    told = error.__cause__
    return isinstance(told, ClientError) and told.response.get("Error", {}).get("Code") == "NoSuchUpload"


def _checksums(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the checksums of the whole object, in hex; those of multipart uploads may be of the parts."""
    found: dict[str, str] = {}
    # Not every store says what it is of; in an upload of parts it is of the parts unless said otherwise.
    whole = "COMPOSITE" if _MULTIPART_ETAG.fullmatch(answer.get("ETag", "")) else "FULL_OBJECT"
    for name in ("sha256", "sha1", "crc32"):
        value = str(answer.get(f"Checksum{name.upper()}") or "-")
        if "-" not in value and answer.get("ChecksumType", whole) == "FULL_OBJECT":
            found[name] = b64decode(value).hex()
    encrypted = answer.get("ServerSideEncryption") == "aws:kms" or "SSECustomerAlgorithm" in answer
    md5 = _MD5_ETAG.fullmatch(answer.get("ETag", ""))
    return found | ({"md5": md5[1]} if md5 and not encrypted else {})


def _checksums_of_parts(answer: Mapping[str, Any], etag: str) -> dict[str, str]:
    """Return, in hex and with the number of parts, the checksums that are made of the parts' own."""
    digest, _, count = str(answer.get("ChecksumSHA256", "")).partition("-")
    found = {"sha256-parts": f"{b64decode(digest).hex()}-{count}"} if count else {}
    return found | {"md5-parts": etag}
