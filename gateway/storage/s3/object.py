"""An object of an S3 store, read and written over the gateway's own connections."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace

from gateway.egress.bounds import LISTING_S
from gateway.egress.pool import Response
from gateway.errors import StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.answer_headers import (
    Description,
    content_version,
    is_delimited,
    packing_warnings,
    page_warnings,
    told_range,
)
from gateway.storage.remote import Readable, RemoteInfo
from gateway.storage.s3 import clients
from gateway.storage.s3.checksum_headers import (
    ETAG_HINTS,
    MULTIPART_ETAG,
    has_strong_checksum,
    object_checksums,
    part_checksums,
)
from gateway.storage.s3.errors import store_errors
from gateway.storage.s3.multipart import MultipartUploads
from gateway.storage.s3.object_listing import read_listing
from gateway.storage.s3.requests import ObjectRequests
from gateway.storage.store import Payload, StoredPart

_SMALL_BYTES = 64 << 10
_OK = 200


class S3Object:
    """One object, and the connections to its store."""

    def __init__(self, address: S3Address, credentials: Credentials, settings: Settings) -> None:
        self.address = address
        self._session, self._is_cut = clients.borrow_session(address, credentials, settings), False
        self._requests = ObjectRequests(address, self._session)
        self._first: Response | None = None
        self._described: Description | None = None  # by the last answer with all of it
        self._is_in_parts = True  # until the store ignores a range, or its answers contradict each other
        self.warnings: Sequence[str] = ()

    def close(self) -> None:
        """Give the connections back."""
        self._drop_first()
        if self._is_cut:
            self._session.close()
        else:
            clients.return_session(self._session)

    def cut(self) -> None:
        """Break all connections, so that threads that wait for one of them stop waiting."""
        self._is_cut = True
        self._session.connections.cut()

    def watched(self, watch: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watch` while the block waits for the server; an exception of it ends that."""
        return self._session.connections.watched(watch)

    def ask(self) -> RemoteInfo:
        """Begin to read the object: the answer holds size and checksums, and serves the first reading."""
        self._drop_first()
        with store_errors(self.address):
            answer = self._requests.get({})
        self._first, headers = answer, answer.headers
        self.warnings = [*packing_warnings(headers), *page_warnings(headers, self.address.key)]
        info = self._describe(headers)
        info = replace(info, whole=self._read_small(answer, info.size))
        multipart = MULTIPART_ETAG.fullmatch(headers.get("etag", ""))
        if not multipart or has_strong_checksum(info.checksums) or info.size is None:
            return info
        return self._with_parts(info, int(multipart[2]), part_checksums(headers))

    def _describe(self, headers: Mapping[str, str]) -> RemoteInfo:
        """Return the description of the object by the headers of an answer with all of it.

        An object that seemed to change and is described as before comes with one request, so that no part of
        it can be of another version.
        """
        size, version = self._requests.length(headers), content_version(headers)
        described = Description.read(headers, size)
        if described.repeats(self._described):
            self._is_in_parts, version = False, described.modified or version
        self._described = described
        has_ranges = headers.get("accept-ranges", "") != "none" and None not in {size, version or None}
        return RemoteInfo(
            size,
            version,
            ranges=has_ranges and self._is_in_parts,
            checksums=object_checksums(headers),
            hints=ETAG_HINTS,
            is_delimited=is_delimited(headers),
        )

    def _with_parts(self, info: RemoteInfo, count: int, of_parts: Mapping[str, str]) -> RemoteInfo:
        """Return the description of an object that was uploaded in parts, with the checksums of these."""
        size = info.size or 0
        part_bytes = self._part_bytes(size, count) if of_parts else 0
        if not part_bytes:  # no checksum will tell
            with store_errors(self.address):
                told = self._requests.size()
            if told not in {None, size}:
                raise self._truncation()
        return replace(
            info,
            checksums={**info.checksums, **(of_parts if part_bytes else {})},
            parts_bytes=part_bytes,
            has_even_parts=lambda: self._has_even_parts(part_bytes, count),
        )

    def _read_small(self, answer: Response, size: int | None) -> bytes | None:
        """Return the body of a small object; None of a large one, and of one that did not arrive whole."""
        if size is None or size > _SMALL_BYTES:
            return None
        try:
            with suppress(StorageUnavailable):
                return answer.read(size)
            return None
        finally:
            self._drop_first()

    def below(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object below this key; names begin after it."""
        return read_listing(self._requests.list_page, self.address)

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open a range of the object as it was when `info` was asked for."""
        with store_errors(self.address):
            answer, self._first = (self._first, None) if start == 0 else (None, self._first)
            answer = answer or self._open_range(info, start, stop)
            with closing(answer):
                yield answer

    def _open_range(self, info: RemoteInfo, start: int, stop: int | None) -> Response:
        is_etag = self._described is not None and info.version == self._described.etag != ""
        headers = {"If-Match": info.version} if is_etag else {}
        if (start, stop) != (0, info.size):
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        answer = self._requests.get(headers)
        try:
            self._check_version(answer, info)
            if "Range" in headers:
                self._check_part(answer, start, stop or info.size or 0)
            elif info.size is not None:
                self._check_length(answer, info.size)
        except BaseException:
            answer.close()
            raise
        return answer

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _check_version(self, answer: Response, info: RemoteInfo) -> None:
        if info.version not in {content_version(answer.headers), answer.headers.get("last-modified", "")}:
            raise StorageChanged(f"object {self.address.key!r} was changed while it was read")

    def _check_part(self, answer: Response, start: int, stop: int) -> None:
        """Raise StorageChanged for an answer that is not the part, or not the beginning of it.

        A store may send less than was asked for, and says so.
        """
        told = told_range(answer.headers)
        if answer.status == _OK or told is None or told[0] != start or told[1] >= stop:
            self._is_in_parts = False
            told_by = f"the store at {self.address.endpoint} does not serve ranges as asked"
            raise StorageChanged(f"{told_by}: the object comes in one piece")
        self._check_length(answer, told[1] + 1 - start)

    def _check_length(self, answer: Response, length: int) -> None:
        if self._requests.length(answer.headers) not in {None, length}:
            raise self._truncation()

    def _truncation(self) -> StorageUnavailable:
        endpoint = self.address.endpoint
        return StorageUnavailable(f"the answer of {endpoint} was cut short on its way; it is tried again")

    def put(self, data: Payload) -> StoredPart:
        """Store the whole object with one request; raise StorageUnavailable where other bytes are stored."""
        digests = self._requests.digest(data)
        with store_errors(self.address):
            stored = self._requests.put(data, digests)
        if stored.crc64nvme is None and stored.md5 is None:
            return replace(stored, is_sized=self._requests.check_size(len(data)))
        return stored

    def check_bytes(self, data: Payload) -> str:
        """Read the object back; raise StorageUnavailable unless it has these bytes."""
        self._requests.check_bytes(data)
        return "read back"

    @property
    def uploads(self) -> MultipartUploads:
        """The multipart uploads that become the object."""
        return MultipartUploads(self.address, self._requests, self._session)

    def _part_bytes(self, size: int, count: int) -> int:
        """Return the size of the parts that the object was uploaded in; 0 when they differ.

        Only the first and the last are asked for: the sizes between are certain of three parts at most.
        """
        try:
            with store_errors(self.address):
                first = self._size_of_part(1)
                last = self._size_of_part(count) if count > 1 else first
        except StorageBusy:  # no answer about the parts
            raise
        except StorageError:
            return 0
        return first if 0 < last <= first and first * (count - 1) + last == size else 0

    def _has_even_parts(self, part_bytes: int, count: int) -> bool:
        """Ask for the size of every part, and return whether all have the size of the first."""
        end = time.monotonic() + LISTING_S
        with store_errors(self.address):
            for number in range(2, count):
                if time.monotonic() > end:
                    raise self._slow_parts(number, count)
                if self._size_of_part(number) != part_bytes:
                    return False
        return True

    def _slow_parts(self, number: int, count: int) -> StorageUnavailable:
        told = f"{self.address.endpoint} gave the sizes of {number} of {count} parts"
        return StorageUnavailable(f"{told} in {LISTING_S:g} s; it is tried again")

    def _size_of_part(self, number: int) -> int:
        return self._requests.content_length(self._requests.head(f"partNumber={number}"))
