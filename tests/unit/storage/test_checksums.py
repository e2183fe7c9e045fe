"""Checksums in the forms that stores give, against right and wrong bytes."""

import hashlib
from collections.abc import Callable

import pytest

from gateway.storage.checksums import Verifier
from gateway.storage.remote import RemoteInfo

DATA = bytes(range(256)) * 100  # 25,600 bytes
PART = 10_000


def _crc(data: bytes, polynomial: int, bits: int) -> bytes:
    """Divide bit by bit, as the textbooks do."""
    value = ones = (1 << bits) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return (value ^ ones).to_bytes(bits // 8, "big")


ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "crc64nvme": lambda data: _crc(data, 0x9A6C9329AC4BC9B5, 64),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "crc32c": lambda data: _crc(data, 0x82F63B78, 32),
    "crc32": lambda data: _crc(data, 0xEDB88320, 32),
}


def _of_parts(digest: Callable[[bytes], bytes]) -> str:
    digests = [digest(DATA[n : n + PART]) for n in range(0, len(DATA), PART)]
    return f"{digest(b''.join(digests)).hex()}-{len(digests)}"


KNOWN = {
    f"{name}{kind}": _of_parts(digest) if kind else digest(DATA).hex()
    for name, digest in ALGORITHMS.items()
    for kind in ("", "-parts")
    if f"{name}{kind}" not in {"sha512-parts", "crc64nvme-parts"}  # which no store gives
}


def _agrees(checksums: dict[str, str], data: bytes, step: int) -> tuple[str, bool]:
    verifier = Verifier(RemoteInfo(len(DATA), "", ranges=True, checksums=checksums, parts_bytes=PART))
    stretch = verifier.stretch()
    for start in range(0, len(data), step):
        stretch.update(memoryview(data)[start : start + step])
    return verifier.algorithm, verifier.agrees([stretch])


@pytest.mark.parametrize("algorithm", KNOWN)
@pytest.mark.parametrize("step", [1000, 4096, 30_000])
def test_right_and_wrong_bytes(algorithm: str, step: int) -> None:
    known = {algorithm: KNOWN[algorithm]}
    assert _agrees(known, DATA, step) == (algorithm, True)
    assert _agrees(known, DATA[:-1], step) == (algorithm, False)
    assert _agrees(known, DATA[:-1] + b"?", step) == (algorithm, False)


def test_stretches_between_borders_are_as_good_as_one() -> None:
    for algorithm in (name for name in KNOWN if name.endswith("-parts")):
        verifier = Verifier(
            RemoteInfo(len(DATA), "", ranges=True, checksums={algorithm: KNOWN[algorithm]}, parts_bytes=PART)
        )
        stretches = [verifier.stretch() for _ in range(2)]
        stretches[1].update(memoryview(DATA)[PART:])
        stretches[0].update(memoryview(DATA)[:PART])
        assert verifier.agrees(stretches)
        assert not verifier.agrees(reversed(stretches))


@pytest.mark.parametrize("algorithm", ["crc64nvme", "crc32c", "crc32"])
@pytest.mark.parametrize("length", [1, PART, 4096, len(DATA), len(DATA) + 1])
def test_a_cyclic_redundancy_check_is_computed_in_any_stretches(algorithm: str, length: int) -> None:
    known = {algorithm: KNOWN[algorithm]}
    verifier = Verifier(RemoteInfo(len(DATA), "", ranges=True, checksums=known))
    assert verifier.is_of_stretches(length)
    starts = range(0, len(DATA), length)
    stretches = [verifier.stretch() for _ in starts]
    for stretch, start in reversed(list(zip(stretches, starts, strict=True))):
        data = memoryview(DATA)[start : start + length]
        stretch.update(data[:7])
        stretch.update(data[7:])
    assert verifier.agrees(stretches)
    assert verifier.agrees(stretches)  # asking changes nothing
    one_more = verifier.stretch()
    one_more.update(memoryview(b"?"))
    assert not verifier.agrees([*stretches, one_more])


@pytest.mark.parametrize(
    ("algorithm", "length", "expected"),
    [
        ("sha256", PART, False),
        ("md5", PART, False),
        ("", PART, False),
        ("crc64nvme", 0, False),  # a file of unknown size, or without ranges
        ("crc64nvme", 1, True),
        ("sha256-parts", 2 * PART, True),
        ("sha256-parts", 3 * PART // 2, False),
        ("crc32-parts", PART - 1, False),
    ],
)
def test_what_may_be_computed_in_stretches(algorithm: str, length: int, expected: object) -> None:
    known = {algorithm: KNOWN[algorithm]} if algorithm else {}
    info = RemoteInfo(len(DATA), "", ranges=True, checksums=known, parts_bytes=PART)
    assert Verifier(info).is_of_stretches(length) is expected


def test_the_strongest_is_taken() -> None:
    known = dict(reversed(KNOWN.items()))
    for algorithm in KNOWN:
        assert _agrees(known, DATA, 4096) == (algorithm, True)
        del known[algorithm]
    assert _agrees(known, b"anything", 4096) == ("", True)


@pytest.mark.parametrize(
    ("algorithm", "data", "checksum"),
    [
        ("crc32", b"", "00000000"),
        ("crc32", b"123456789", "cbf43926"),  # the check values of the catalogue of CRCs
        ("crc32c", b"123456789", "e3069283"),
        ("crc64nvme", b"123456789", "ae8b14860a799888"),
        ("crc32c", bytes(32), "8a9136aa"),  # RFC 3720, B.4
        ("crc32c", b"\xff" * 32, "62a8ab43"),
        ("crc32c", bytes(range(32)), "46dd794e"),
        ("crc64nvme", bytes(4096), "6482d367eb22b64e"),  # the NVM Command Set Specification, 5.2.1
        ("crc64nvme", b"\xff" * 4096, "c0ddba7302eca3ac"),
    ],
)
def test_vectors_of_the_specifications(algorithm: str, data: bytes, checksum: str) -> None:
    assert _agrees({algorithm: checksum}, data, 1000) == (algorithm, True)
    assert _agrees({algorithm: checksum}, data + b"?", 1000) == (algorithm, False)
