"""Checksums as stores give them, against bytes that are right and bytes that are not."""

import hashlib
import zlib

import pytest

from gateway.storage.checksums import Verifier
from gateway.storage.remote import RemoteInfo

DATA = bytes(range(256)) * 100  # 25,600 bytes
PART = 10_000


def _parts(algorithm: str) -> str:
    digests = [hashlib.new(algorithm, DATA[n : n + PART]).digest() for n in range(0, len(DATA), PART)]
    return f"{hashlib.new(algorithm, b''.join(digests)).hexdigest()}-{len(digests)}"


KNOWN = {
    "sha512": hashlib.sha512(DATA).hexdigest(),
    "sha256": hashlib.sha256(DATA).hexdigest(),
    "sha256-parts": _parts("sha256"),
    "sha1": hashlib.sha1(DATA, usedforsecurity=False).hexdigest(),
    "md5": hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
    "md5-parts": _parts("md5"),
    "crc32": f"{zlib.crc32(DATA):08x}",
}


def _agrees(checksums: dict[str, str], data: bytes, step: int) -> tuple[str, bool]:
    verifier = Verifier(RemoteInfo(len(DATA), "", ranges=True, checksums=checksums, parts_bytes=PART))
    for start in range(0, len(data), step):
        verifier.update(memoryview(data)[start : start + step])
    return verifier.algorithm, verifier.agrees()


@pytest.mark.parametrize("algorithm", KNOWN)
@pytest.mark.parametrize("step", [1000, 4096, 30_000])
def test_right_and_wrong_bytes(algorithm: str, step: int) -> None:
    known = {algorithm: KNOWN[algorithm]}
    assert _agrees(known, DATA, step) == (algorithm, True)
    assert _agrees(known, DATA[:-1], step) == (algorithm, False)
    assert _agrees(known, DATA[:-1] + b"?", step) == (algorithm, False)


def test_the_strongest_is_taken() -> None:
    known = dict(reversed(KNOWN.items()))
    for algorithm in KNOWN:
        assert _agrees(known, DATA, 4096) == (algorithm, True)
        del known[algorithm]
    assert _agrees(known, b"anything", 4096) == ("", True)
