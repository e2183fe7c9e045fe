"""Bodies, lengths and ranges that are not S3's: the file comes whole, or the reason names the cause."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import S3Address
from gateway.transfers.outcome import Outcome
from tests.staging import Recorder, at, everything, stage_out
from tests.stores import bodies
from tests.stores.bringing import WAYS, bring, comes_whole
from tests.stores.bucket import Bucket, Stored
from tests.stores.server import stores

MIB = 1 << 20
SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=5)


def _bring(bucket: Bucket, site: SharedFilesystem, home: Path, way: str = "keys") -> Outcome:
    return bring(bucket, site, home, way, SETTINGS)


def _send(bucket: Bucket, site: SharedFilesystem, home: Path) -> str:
    with stores(data=bucket) as url:
        where = S3Address(url, "local", "data", "x")
        return stage_out(site, at(home, "out"), where, Recorder(), SETTINGS).verification


KINDS: dict[str, Callable[[], Bucket]] = {
    "no ranges": bodies.NoRanges,
    "chunked": lambda: bodies.Framed("chunked"),
    "until the end": lambda: bodies.Framed("close"),
    "HTTP/1.0": lambda: bodies.Framed("length", "1.0"),
    "HTTP/1.0 until the end": lambda: bodies.Framed("close", "1.0"),
    "slow first byte": lambda: bodies.Framed("length", wait_s=0.2),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [0, 5, 70_000, 20 * MIB])
@pytest.mark.parametrize("kind", KINDS)
def test_the_object_comes_whole(kind: str, size: int, way: str, site: SharedFilesystem, home: Path) -> None:
    assert comes_whole(KINDS[kind](), size, site, home, way=way, settings=SETTINGS).verification
    assert everything(home) == ["in"]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_body_that_ends_with_its_connection_is_fetched_twice(
    version: str, site: SharedFilesystem, home: Path
) -> None:
    found = comes_whole(bodies.WithoutAnEnd(version), 70_000, site, home, way="web", settings=SETTINGS)
    assert found.verification == "second download"


def test_a_length_beside_a_transfer_coding_is_not_believed(site: SharedFilesystem, home: Path) -> None:
    comes_whole(bodies.Framed("both"), 70_000, site, home, way="web", settings=SETTINGS)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_cut_anywhere_is_never_a_file(
    way: str, framing: str, site: SharedFilesystem, home: Path
) -> None:
    for after in range(0, 300, 10):
        bucket = bodies.CutOnce(framing)
        bucket.cut_after = after
        bucket.objects["x"] = Stored(data := os.urandom(100))
        try:
            _bring(bucket, site, home, way)
        except StorageUnavailable:
            assert everything(home) == []
            _bring(bucket, site, home, way)
        assert (home / "in").read_bytes() == data
        (home / "in").unlink()


@pytest.mark.parametrize("size", [5, 70_000])
def test_a_part_that_was_not_asked_for_is_named(size: int, site: SharedFilesystem, home: Path) -> None:
    bucket = bodies.PartUnasked()
    bucket.objects["x"] = Stored(os.urandom(size))
    with pytest.raises(
        StorageError, match="answers with a part .206. although the whole was asked"
    ) as caught:
        _bring(bucket, site, home)
    assert not caught.value.transient
    assert everything(home) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [bodies.OtherPart, bodies.ToTheEnd, bodies.SmallerPart])
def test_another_part_than_asked_for_is_no_part(
    kind: Callable[[], Bucket], way: str, site: SharedFilesystem, home: Path
) -> None:
    comes_whole(kind(), 20 * MIB, site, home, way=way, settings=SETTINGS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("coding", ["gzip", "aws-chunked", "aws-chunked, gzip"])
def test_a_packed_object_is_kept_as_it_is_and_named(
    coding: str, way: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = bodies.Packed(coding)
    bucket.objects["x"] = Stored(bodies.GZIPPED)
    warnings = " ".join(_bring(bucket, site, home, way).warnings)
    assert (home / "in").read_bytes() == bodies.GZIPPED
    assert ("packed (Content-Encoding: gzip)" in warnings) is ("gzip" in coding)


@pytest.mark.parametrize("kind", [bodies.Unexpecting, bodies.SilentAboutExpectations])
@pytest.mark.parametrize("size", [5, 3 * MIB, 20 * MIB])
def test_an_expectation_that_is_refused_or_unanswered_is_no_error(
    kind: type[Bucket], size: int, site: SharedFilesystem, home: Path
) -> None:
    (home / "out").write_bytes(data := os.urandom(size))
    bucket = kind()
    assert _send(bucket, site, home) == "crc64nvme"
    assert bucket.objects["x"].data == data


COMPLETIONS: dict[str, tuple[Any, bool, str]] = {
    "error inside": (bodies.INSIDE, False, "failed .InternalError.; it is tried again"),
    "error inside after blanks": (bodies.INSIDE_AFTER_BLANKS, False, "failed .InternalError."),
    "done after blanks": (bodies.DONE_AFTER_BLANKS, True, ""),
    "empty, done": (bodies.EMPTY, True, ""),
    "empty, not done": (bodies.EMPTY, False, "has put no object together"),
}


@pytest.mark.parametrize("kind", COMPLETIONS)
def test_the_end_of_an_upload_counts_when_the_object_is_there(
    kind: str, site: SharedFilesystem, home: Path
) -> None:
    answer, does, says = COMPLETIONS[kind]
    (home / "out").write_bytes(data := os.urandom(20 * MIB))
    bucket = bodies.Complete(answer, does=does)
    if not does:
        with pytest.raises(StorageUnavailable, match=says):
            _send(bucket, site, home)
    assert _send(bucket, site, home) in {"crc64nvme", "read back"}
    assert bucket.objects["x"].data == data


def test_an_empty_answer_does_not_take_an_older_object_for_the_new_one(
    site: SharedFilesystem, home: Path
) -> None:
    (home / "out").write_bytes(os.urandom(20 * MIB))
    bucket = bodies.Complete(bodies.EMPTY, does=False)
    bucket.objects["x"] = Stored(bytes(20 * MIB))
    with pytest.raises(StorageUnavailable, match="differ from those sent"):
        _send(bucket, site, home)
