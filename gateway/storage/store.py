"""Stores, as staging writes to them: an object is written with one request or in parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.egress.connection import SizedBody
from gateway.storage.remote import Connected


class Payload(SizedBody, Protocol):
    """The bytes of a file, or of a part of it, on their way to a store."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield all the bytes in pieces, for a digest; the next piece overwrites the one before."""


@dataclass(frozen=True)
class StoredPart:
    """A store's description of a part, or of an object, that it has taken.

    It is doubtful where the ETag has the form of an MD5 and is not that of the bytes that were sent, and not
    sized where only a size would tell, which the store does not give.
    """

    etag: str
    size: int
    crc64nvme: bytes | None  # None from a store that does not know this checksum
    md5: str | None  # hex; None where its ETag is something else
    is_doubtful: bool = False
    is_sized: bool = True


class Uploads(Protocol):
    """Multipart uploads of one object: parts that are stored one by one and put together at the end."""

    def start(self) -> str:
        """Begin an upload; return its id."""

    def list_parts(self, upload_id: str) -> dict[int, StoredPart] | None:
        """Return the parts that the store has of an upload, by number; None when it cannot go on."""

    def put(self, upload_id: str, number: int, data: Payload, known: StoredPart | None) -> StoredPart:
        """Store one part, unless these bytes are the known part; raise where other bytes are stored."""

    def complete(self, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Make an object of the parts; return whether the answer names the object."""

    def check_size(self, size: int) -> bool:
        """Raise StorageUnavailable where the object has another size; return False where none is told."""

    def abort(self, upload_id: str) -> None:
        """Remove the parts; an upload that is gone is fine."""

    def find_lost(self, since: datetime) -> Iterator[str]:
        """Yield the open uploads, begun since then, that no row has the id of."""


class Store(Connected, Protocol):
    """An object elsewhere that can be written."""

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences for the user about the server's answers so far."""

    @property
    def uploads(self) -> Uploads | None:
        """The uploads in parts; None where one request has to carry the whole object."""

    def put(self, data: Payload) -> StoredPart:
        """Store the whole object with one request; raise StorageUnavailable where other bytes are stored."""

    def check_bytes(self, data: Payload) -> str:
        """Return how the object was compared with these bytes; raise StorageUnavailable where it differs."""
