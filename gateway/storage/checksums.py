"""Checksums: the strongest that a store offers for a download, and the digests of uploads."""

import hashlib
import sys
from collections.abc import Callable, Iterable
from typing import Protocol

from awscrt import checksums as crc

from gateway.storage.remote import RemoteInfo

# MD5 stops no attacker any more either, and takes seventy times as long as CRC-64.
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
    def digest(self) -> bytes: ...


class _Crc:
    """A cyclic redundancy check with the methods of hashlib; S3 gives it with its highest byte first."""

    def __init__(self, step: Callable[[memoryview, int], int], length: int) -> None:
        self._step, self._length, self._value = step, length, 0

    def update(self, data: memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._length, "big")


_CRCS: dict[str, tuple[Callable[[memoryview, int], int], int]] = {
    "crc32": (crc.crc32, 4),
    "crc32c": (crc.crc32c, 4),
    "crc64nvme": (crc.crc64nvme, 8),
}
# The CRC of two pieces, from the CRC of each and the length of the second.
_COMBINED: dict[str, Callable[[int, int, int], int]] = {
    "crc32": crc.combine_crc32,
    "crc32c": crc.combine_crc32c,
    "crc64nvme": crc.combine_crc64nvme,
}


class _NoDigest:
    """The digest of a file without a checksum."""

    def update(self, data: memoryview, /) -> None:
        pass

    def digest(self) -> bytes:
        return b""


def compute_digests(pieces: Iterable[memoryview], algorithms: Iterable[str]) -> dict[str, bytes]:
    """Return several digests of the joined pieces, which are read once."""
    digests = {name: _new(name) for name in algorithms}
    for piece in pieces:
        for digest in digests.values():
            digest.update(piece)
    return {name: digest.digest() for name, digest in digests.items()}


def combine_crcs(algorithm: str, pieces: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the CRC of the joined pieces, given the CRC and the length of each."""
    value = 0
    for digest, length in pieces:
        value = _COMBINED[algorithm](value, int.from_bytes(digest, "big"), length)
    return value.to_bytes(_CRCS[algorithm][1], "big")


def _new(algorithm: str) -> _Digest:
    if not algorithm:
        return _NoDigest()
    if algorithm in _CRCS:
        return _Crc(*_CRCS[algorithm])
    return hashlib.new(algorithm, usedforsecurity=False)


class Stretch:
    """A run of bytes that begins at the start of an upload's part, and the digests of its parts."""

    def __init__(self, algorithm: str, part_bytes: int) -> None:
        self._algorithm, self.size = algorithm, 0
        self._part_bytes = self._left = part_bytes
        self._part, self._done = _new(algorithm), list[bytes]()

    def update(self, data: memoryview, /) -> None:
        """Take the next bytes."""
        self.size += len(data)
        while data:
            piece, data = data[: self._left], data[self._left :]
            self._part.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._close_part()

    def _close_part(self) -> None:
        self._done.append(self._part.digest())
        self._part, self._left = _new(self._algorithm), self._part_bytes

    def digests(self) -> list[bytes]:
        """Return the digests of the parts, of which the last may be shorter; at least one."""
        if self._left < self._part_bytes or not self._done:
            self._close_part()
        return self._done


class Verifier:
    """Compares the bytes of a file with the strongest checksum that is known of it.

    Most checksums are computed in one stretch. A cyclic redundancy check may be computed in several, at once
    and in any order; and so may a checksum that is made of the digests of an upload's parts, as a multipart
    ETag is, where each stretch is of whole parts.
    """

    def __init__(self, info: RemoteInfo) -> None:
        self.algorithm = next((name for name in _STRONGEST_FIRST if name in info.checksums), "")
        self._expected = info.checksums.get(self.algorithm, "")
        self._name, _, of_parts = self.algorithm.partition("-")
        self.parts_bytes = info.parts_bytes if of_parts else 0

    def is_of_stretches(self, length: int) -> bool:
        """Return whether it may be computed in stretches of this length; the last may be shorter."""
        if self.parts_bytes:
            return length % self.parts_bytes == 0
        return length > 0 and self._name in _COMBINED

    @property
    def whole(self) -> str:
        """The algorithm of a digest of the whole file; empty for a checksum of another kind."""
        return "" if self.parts_bytes or self._name in _COMBINED else self._name

    def agrees_with(self, digest: bytes) -> bool:
        """Return whether a digest of the whole file is the expected one."""
        return digest.hex() == self._expected

    def stretch(self) -> Stretch:
        """Return a new stretch, to be updated with its bytes."""
        return Stretch(self._name, self.parts_bytes or sys.maxsize)

    def agrees(self, stretches: Iterable[Stretch]) -> bool:
        """Return whether the bytes of all stretches have the checksum; True where none is known."""
        return self._hex(stretches) == self._expected

    def _hex(self, stretches: Iterable[Stretch]) -> str:
        if not self.parts_bytes:
            return self._of_whole(stretches).hex()
        parts = [digest for stretch in stretches for digest in stretch.digests()]
        joined = _new(self._name)
        joined.update(memoryview(b"".join(parts)))
        return f"{joined.digest().hex()}-{len(parts)}"

    def _of_whole(self, stretches: Iterable[Stretch]) -> bytes:
        pieces = [(stretch.digests()[0], stretch.size) for stretch in stretches]
        return combine_crcs(self._name, pieces) if self._name in _COMBINED else pieces[0][0]
