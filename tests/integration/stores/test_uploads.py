"""Uploads to stores that take them in other ways than S3: verified, or the reason names the cause."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import PresignedUrl, S3Address
from tests.staging import OWNER, SETTINGS, Recorder, Resume, at, stage_in, stage_out
from tests.stores import uploads
from tests.stores.bucket import Answer, Bucket, Stored, error
from tests.stores.server import stores
from tests.tls import Authority, tls

MIB = 1 << 20
SIZES = [5, 9 * MIB]
WITHOUT_LENGTH = Answer(framing="close")


def _send(bucket: Bucket, size: int, site: SharedFilesystem, home: Path, *, presigned: bool = False) -> str:
    (home / "out").write_bytes(data := os.urandom(size))
    with stores(data=bucket) as url:
        secret = PresignedUrl(f"{url}/data/x?X-Amz-Signature=geheim") if presigned else OWNER
        where = S3Address(url, "local", "data", "x")
        way = stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=secret).verification
    assert bucket.objects["x"].data == data
    return way


REFUSALS = [
    error(400, "InvalidArgument"),
    error(400, "MalformedXML"),
    error(400, "UnsupportedHeader"),
    error(501, "NotImplemented"),
    Answer(400),
    Answer(501, {}, b"<html><body>no</body></html>"),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: f"{each.status} {each.body[47:70]!r}")
def test_a_checksum_that_is_refused_is_left_out(
    refusal: Answer, size: int, site: SharedFilesystem, home: Path
) -> None:
    assert _send(uploads.RefusingChecksums(refusal), size, site, home) == "md5"


@pytest.mark.parametrize(
    "bucket", [uploads.RefusingChecksums(error(400, "InvalidArgument"), "part"), uploads.RefusingAtTheEnd()]
)
def test_a_checksum_that_is_refused_at_a_later_step_is_left_out_there(
    bucket: Bucket, site: SharedFilesystem, home: Path
) -> None:
    assert _send(bucket, 9 * MIB, site, home) in {"md5", "crc64nvme"}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: f"{each.status} {each.body[47:70]!r}")
def test_a_store_that_refuses_to_be_asked_for_checksums_is_read_without(
    refusal: Answer, site: SharedFilesystem, home: Path
) -> None:
    bucket = uploads.RefusingChecksums(refusal)
    bucket.objects["x"] = Stored(data := os.urandom(20 * MIB))
    with stores(data=bucket) as url:
        where = S3Address(url, "local", "data", "x")
        assert stage_in(where, site, at(home, "in"), Recorder(), SETTINGS).verification == "md5"
    assert (home / "in").read_bytes() == data


def test_a_body_that_has_to_be_signed_is_signed_under_tls_too(
    site: SharedFilesystem, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    trusting = Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=authority.bundle)
    with (
        stores(data=(bucket := uploads.RefusingUnsigned())) as url,
        tls(urlsplit(url).port or 0, authority.context("localhost")) as port,
    ):
        where = S3Address(f"https://localhost:{port}", "local", "data", "x")
        for size in SIZES:
            (home / "out").write_bytes(data := os.urandom(size))
            stage_out(site, at(home, "out"), where, Recorder(), trusting)
            assert bucket.objects["x"].data == data


def test_parts_that_the_store_has_lost_are_sent_again(site: SharedFilesystem, home: Path) -> None:
    (home / "out").write_bytes(data := os.urandom(9 * MIB))
    resume = Resume()
    with stores(data=(bucket := uploads.LosingPartsOnce())) as url:
        where = S3Address(url, "local", "data", "x")
        with pytest.raises(StorageUnavailable, match="they are sent again"):
            stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, resume=resume)
        stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, resume=resume)
    assert bucket.objects["x"].data == data


@pytest.mark.parametrize("kind", [uploads.WeakParts, uploads.NamelessParts])
def test_parts_are_named_by_the_stores_own_etags(
    kind: Callable[[], Bucket], site: SharedFilesystem, home: Path
) -> None:
    assert _send(kind(), 9 * MIB, site, home)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "head", [WITHOUT_LENGTH, Answer(405), error(501, "NotImplemented")], ids=["no length", "405", "501"]
)
def test_a_size_that_head_does_not_tell_is_asked_for_by_get(
    head: Answer, size: int, site: SharedFilesystem, home: Path
) -> None:
    bucket = uploads.Opaque(head)
    assert _send(bucket, size, site, home) == "size"
    with stores(data=bucket) as url:
        bucket.objects["y"] = Stored(data := os.urandom(size))
        where = S3Address(url, "local", "data", "y")
        assert stage_in(where, site, at(home, "in"), Recorder(), SETTINGS).verification == "size"
    assert (home / "in").read_bytes() == data


def test_an_object_that_is_not_there_at_once_is_sent_again(site: SharedFilesystem, home: Path) -> None:
    assert _send(uploads.Opaque(misses=1), 5, site, home) == "size"
    with pytest.raises(StorageUnavailable, match="it is tried again"):
        _send(uploads.Opaque(misses=1), 9 * MIB, site, home)


@pytest.mark.parametrize("size", SIZES)
def test_an_account_that_may_only_write_has_the_stores_answer(
    size: int, site: SharedFilesystem, home: Path
) -> None:
    assert _send(uploads.OpaqueAndClosed(), size, site, home) == "the store's answer"


@pytest.mark.parametrize("size", SIZES)
def test_a_doubt_that_the_account_may_not_resolve_is_named(
    size: int, site: SharedFilesystem, home: Path
) -> None:
    with pytest.raises(StorageError, match="allow it to read the object") as caught:
        _send(uploads.OtherMd5AndClosed(), size, site, home)
    assert not caught.value.transient


def test_a_presigned_upload_with_an_opaque_etag_has_the_stores_answer(
    site: SharedFilesystem, home: Path
) -> None:
    assert _send(uploads.Opaque(), 5, site, home, presigned=True) == "the store's answer"


def test_a_web_application_in_place_of_a_store_is_named(site: SharedFilesystem, home: Path) -> None:
    with pytest.raises(StorageError, match="answers with a web page, as no S3 store does"):
        _send(uploads.Accepting(), 5, site, home, presigned=True)
