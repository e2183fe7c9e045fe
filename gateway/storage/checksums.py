"""Checksums: the strongest that a store offers for an object, computed while the bytes pass."""

import hashlib
import zlib
from typing import Protocol

from gateway.storage.remote import RemoteInfo

_STRONGEST_FIRST = ("sha512", "sha256", "sha256-parts", "sha1", "md5", "md5-parts", "crc32")


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class _OfParts:
    """The digest of the digests of an upload's parts, with their number: what a multipart ETag is made of."""

    def __init__(self, algorithm: str, part_bytes: int) -> None:
        self._algorithm = algorithm
        self._part_bytes = self._left = part_bytes
        self._all, self._part, self._count = self._new(), self._new(), 0

    def _new(self) -> "hashlib._Hash":
        return hashlib.new(self._algorithm, usedforsecurity=False)

    def update(self, data: memoryview, /) -> None:
        while data:
            piece, data = data[: self._left], data[self._left :]
            self._part.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._close_part()

    def _close_part(self) -> None:
        self._all.update(self._part.digest())
        self._part, self._left, self._count = self._new(), self._part_bytes, self._count + 1

    def hexdigest(self) -> str:
        if self._left < self._part_bytes:
            self._close_part()
        return f"{self._all.hexdigest()}-{self._count}"


class Verifier:
    """Computes the strongest checksum that is known of a file, in one pass from its start to its end."""

    def __init__(self, info: RemoteInfo) -> None:
        self.algorithm = next((name for name in _STRONGEST_FIRST if name in info.checksums), "")
        self._expected = info.checksums.get(self.algorithm, "")
        self._digest = _digest(self.algorithm, info.parts_bytes) if self.algorithm else None

    def update(self, data: memoryview) -> None:
        """Take the next bytes."""
        if self._digest is not None:
            self._digest.update(data)

    def agrees(self) -> bool:
        """Tell whether the bytes are the expected ones, as far as anything is known of them."""
        return self._digest is None or self._digest.hexdigest() == self._expected


def _digest(algorithm: str, parts_bytes: int) -> _Digest:
    name, _, of_parts = algorithm.partition("-")
    if of_parts:
        return _OfParts(name, parts_bytes)
    return _Crc32() if name == "crc32" else hashlib.new(name, usedforsecurity=False)
