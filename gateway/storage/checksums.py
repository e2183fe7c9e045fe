"""Checksums: the strongest that a store offers for an object, computed while the bytes pass."""

import hashlib
from collections.abc import Callable
from typing import Protocol

from awscrt import checksums as crc

from gateway.storage.remote import RemoteInfo

# MD5 stops no attacker any more either, and costs fifty times the time of CRC-64.
_STRONGEST_FIRST = (
    "sha512",
    "sha256",
    "sha256-parts",
    "sha1",
    "sha1-parts",
    "crc64nvme",
    "md5",
    "md5-parts",
    "crc32c",
    "crc32c-parts",
    "crc32",
    "crc32-parts",
)


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class _Plain(_Digest, Protocol):
    def digest(self) -> bytes: ...


class _Crc:
    """A cyclic redundancy check in the manner of hashlib; S3 gives it with its highest byte first."""

    def __init__(self, step: Callable[[memoryview, int], int], length: int) -> None:
        self._step, self._length, self._value = step, length, 0

    def update(self, data: memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._length, "big")

    def hexdigest(self) -> str:
        return self.digest().hex()


_CRCS: dict[str, tuple[Callable[[memoryview, int], int], int]] = {
    "crc32": (crc.crc32, 4),
    "crc32c": (crc.crc32c, 4),
    "crc64nvme": (crc.crc64nvme, 8),
}


def _new(algorithm: str) -> _Plain:
    if algorithm in _CRCS:
        return _Crc(*_CRCS[algorithm])
    return hashlib.new(algorithm, usedforsecurity=False)


class _OfParts:
    """The digest of the digests of an upload's parts, with their number: what a multipart ETag is made of."""

    def __init__(self, algorithm: str, part_bytes: int) -> None:
        self._algorithm = algorithm
        self._part_bytes = self._left = part_bytes
        self._all, self._part, self._count = _new(algorithm), _new(algorithm), 0

    def update(self, data: memoryview, /) -> None:
        while data:
            piece, data = data[: self._left], data[self._left :]
            self._part.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._close_part()

    def _close_part(self) -> None:
        self._all.update(memoryview(self._part.digest()))
        self._part, self._left, self._count = _new(self._algorithm), self._part_bytes, self._count + 1

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
    return _OfParts(name, parts_bytes) if of_parts else _new(name)
